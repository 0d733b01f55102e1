"""Links, dates, bodies and addresses: what comes from outside is read and bounded."""

import gzip
import tracemalloc
import zlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.sdk.http.answers import Answer, http_date, links_in
from coworker_pipelines.sdk.http.bodies import read_body
from coworker_pipelines.sdk.http.origins import redirected, require_base_url, url_of

LIMIT = 100_000


@pytest.mark.parametrize(
    ("header", "found"),
    (
        ('<https://x/a?page=2>; rel="next", <https://x/a?page=9>; rel="last"',
         {"next": "https://x/a?page=2", "last": "https://x/a?page=9"}),
        ("<https://x/a>;rel=next", {"next": "https://x/a"}),
        ('<https://x/a?q=1,2;3>; title="a, b"; rel="next prev"',
         {"next": "https://x/a?q=1,2;3", "prev": "https://x/a?q=1,2;3"}),
        ('<https://x/a>; rel="next", <https://x/b>; REL="NEXT"', {"next": "https://x/a"}),
        ("<https://x/a>", {}),
        ("rubbish", {}),
        ("", {}),
    ),
)  # fmt: skip
def test_links_are_found_by_their_relation(header: str, found: dict[str, str]) -> None:
    assert links_in(header) == found


@given(st.text())
def test_no_header_makes_them_fail(text: str) -> None:
    links_in(text)
    http_date(text)


@given(st.binary(max_size=5_000), st.integers(1, 700), st.booleans())
def test_a_body_is_the_same_however_it_is_cut(
    body: bytes,
    size: int,
    packed: bool,  # noqa: FBT001 - given by Hypothesis
) -> None:
    sent = gzip.compress(body) if packed else body
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    encoding = "gzip" if packed else ""
    assert read_body(pieces, encoding=encoding, bytes_max=LIMIT) == body


@pytest.mark.parametrize("encoding", ("", "gzip"))
def test_a_body_may_have_just_so_many_bytes(encoding: str) -> None:
    for size in (LIMIT, LIMIT + 1):
        body = gzip.compress(bytes(size)) if encoding else bytes(size)
        if size == LIMIT:
            assert len(read_body([body], encoding=encoding, bytes_max=LIMIT)) == LIMIT
        else:
            with pytest.raises(RefusedError, match="larger than 100000 bytes"):
                read_body([body], encoding=encoding, bytes_max=LIMIT)


def test_a_body_that_unpacks_to_a_thousand_times_its_size_takes_no_memory() -> None:
    bomb = gzip.compress(bytes(200 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError):
            read_body([bomb], encoding="gzip", bytes_max=2**20)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_a_body_that_is_cut_or_damaged_is_asked_for_again() -> None:
    whole = gzip.compress(b"words " * 1_000)
    for broken in (whole[:-9], b"\0" + whole, whole[:20] + bytes(20)):
        with pytest.raises(RetryLaterError, match=r"cut off|damaged"):
            read_body([broken], encoding="gzip", bytes_max=LIMIT)


def test_another_packing_is_refused() -> None:
    with pytest.raises(RefusedError, match="not asked for"):
        read_body([zlib.compress(b"x")], encoding="br", bytes_max=LIMIT)


def test_what_is_no_json_is_no_api() -> None:
    with pytest.raises(TenantActionError, match="no API"):
        Answer(status=200, url="https://x/", headers={}, body=b"<html>").json()


def test_an_answer_shows_its_status_alone() -> None:
    answer = Answer(status=200, url="https://x/?k=hidden", headers={"a": "hidden"}, body=b"hidden")
    assert repr(answer) == "Answer(status=200)"


@pytest.mark.parametrize(
    ("value", "says"),
    (
        ("example.com", "begins with https://"),
        ("https://", "names a host"),
        ("http://example.com", "in the clear"),
        ("https://user@example.com", "no user or password"),
        ("https://example.com/?a=b", "no query"),
        ("https://example.com/#a", "no query"),
        ("https://example.com/a b", "plain ASCII"),
        ("https://exämple.com", "plain ASCII"),
        ("https://example.com:99999", "bracket or the port"),
        ("https://[::1", "bracket or the port"),
    ),
)
def test_a_base_url_that_is_none_is_told_why(value: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        require_base_url(value, allow_http=False)


def test_addresses_of_the_same_origin_are_followed() -> None:
    base = "https://git.example.com/api/v3"
    assert url_of(base, "/orgs", {"page": 2, "q": "a b"}) == f"{base}/orgs?page=2&q=a+b"
    assert url_of(base, "https://GIT.example.com:443/x") == "https://GIT.example.com:443/x"
    assert redirected(base, f"{base}/a", "/b") == "https://git.example.com/b"
    assert redirected(base, f"{base}/a?page=2", "/b") == "https://git.example.com/b?page=2"
    assert redirected(base, f"{base}/a?page=2", "/b?x=1") == "https://git.example.com/b?x=1"


@given(st.text(), st.sampled_from(("", "https://", "//", "https://git.example.com")))
def test_wherever_a_server_sends_us_it_is_its_own_origin_or_refused(text: str, begin: str) -> None:
    base = "https://git.example.com/api/v3"
    try:
        target = redirected(base, f"{base}/a?page=2", begin + text)
    except TenantActionError:
        return
    assert target.isascii()
    assert urlsplit(target).hostname == "git.example.com"
    assert urlsplit(target).scheme == "https"


@pytest.mark.parametrize(
    "location",
    (
        "https://evil.example/x", "http://git.example.com/x", "//evil.example/x",
        "https://git.example.com:8443/x", "https://git.example.com@evil.example/x",
        "file:///etc/passwd", "https://git.example.com.evil.example/",
    ),
)  # fmt: skip
def test_no_other_origin_is_followed(location: str) -> None:
    base = "https://git.example.com/api/v3"
    with pytest.raises(TenantActionError, match="another host"):
        redirected(base, f"{base}/a", location)
    if "://" in location:
        with pytest.raises(TenantActionError, match="another host"):
            url_of(base, location)
