"""People are found by every spelling of what identifies them, wherever it stands."""

import hashlib
import hmac

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.extraction.addresses import LOCAL_PART_MAX, addresses_in
from coworker_pipelines.extraction.identifiers import (
    NAMESPACED,
    SUBJECT_KEY_LENGTH,
    normalise,
    subject_key_of,
)
from coworker_pipelines.sdk.stream import IdentifierKind

KEY = bytes(range(32))
MEGABYTE = 2**20

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.builds(
    "{}@{}.{}".format,
    st.from_regex(r"[A-Za-z0-9_+]([A-Za-z0-9._+-]{0,10}[A-Za-z0-9_+-])?", fullmatch=True),
    st.lists(LABELS, min_size=1, max_size=3).map(".".join),
    st.from_regex(r"[a-z][a-z0-9-]{0,4}[a-z]", fullmatch=True),
)
# What may stand beside an address without being part of it. Of what JSON escapes, some become
# a backslash and a letter that could begin an address: \n, \t, \u0001, \b, \f, \r.
BORDERS = st.text(
    st.sampled_from(
        ' \n\t\r\b\f\x01\x1f"\\<>()[]:;,\u201c\u201d\u2026\u2014\xa0\u200b\u3002\uff08\U0001f600'
    ),
    min_size=1,
    max_size=3,
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="@"), max_size=10)
QUIET = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


@st.composite
def texts_with_addresses(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text, and the addresses that were planted in it, in order."""
    planted = draw(st.lists(ADDRESSES, max_size=4))
    text = draw(WORDS)
    for address in planted:
        text += draw(BORDERS) + address + draw(BORDERS) + draw(WORDS)
    return text, planted


@st.composite
def documents_with_addresses(draw: st.DrawFn) -> tuple[object, list[str]]:
    """A nested value with texts in it, and the addresses in the order of its JSON."""
    parts = draw(st.lists(texts_with_addresses(), max_size=4))
    document: object = draw(QUIET)
    planted: list[str] = []
    for text, addresses in parts:
        shape = draw(st.sampled_from(("list", "value", "name")))
        planted += addresses
        match shape:
            case "list":
                document = [document, text]
            case "value":
                document = {"a": document, "b": {"c": [text]}}
            case _:
                document = [document, {text: None}]
    return document, planted


@given(documents_with_addresses())
def test_every_address_is_found_as_it_was_written_and_nothing_else(
    case: tuple[object, list[str]],
) -> None:
    document, planted = case
    assert list(addresses_in(orjson.dumps(document))) == planted


@given(QUIET)
def test_nothing_is_found_where_there_is_none(document: object) -> None:
    assert not list(addresses_in(orjson.dumps(document)))


@pytest.mark.parametrize("local", ("nann", "tom", "ben", "rita", "frank", "u0001", "u00e9ann"))
@pytest.mark.parametrize(
    "before", ("\n", "\t", "\b", "\r", "\f", "\x01", "\\", '"', "\\\n", "\\\\")
)
def test_an_escape_takes_no_letter_of_an_address(before: str, local: str) -> None:
    payload = orjson.dumps({"text": f"{before}{local}@example.org"})
    assert list(addresses_in(payload)) == [f"{local}@example.org"]


@pytest.mark.parametrize(
    ("text", "found"),
    (
        ("Ann <ann@example.org>, Bob <bob@example.org>", ["ann@example.org", "bob@example.org"]),
        ("mail ann@example.org.", ["ann@example.org"]),
        ("mailto:ann@example.org?subject=x", ["ann@example.org"]),
        ("(ann@example.org)", ["ann@example.org"]),
        ("ann@example.org@example.com", ["ann@example.org", "example.org@example.com"]),
        ("ann.o'neil+list@mail.example.co.uk", ["ann.o'neil+list@mail.example.co.uk"]),
        ("..ann@example.org", ["ann@example.org"]),
        ("jürgen@müller.de", ["jürgen@müller.de"]),
        ("张伟@例子.公司", ["张伟@例子.公司"]),
        ("请联系ann@example.org谢谢", ["ann@example.org"]),
        ("请联系ann@例子.com。谢谢", ["ann@例子.com"]),
        ("“ann@example.org”", ["ann@example.org"]),
        ("jose\u0301@example.org", ["jose\u0301@example.org"]),
        ("ann@example.org—" + "谢" * 100, ["ann@example.org"]),
        ("谢" * 100 + "ann@example.org", ["ann@example.org"]),
        ("ANN@EXAMPLE.ORG", ["ANN@EXAMPLE.ORG"]),
        ("a@b.co", ["a@b.co"]),
        ("git@github.com:owner/name.git", ["git@github.com"]),
    ),
)
def test_an_address_ends_where_it_would_for_a_reader(text: str, found: list[str]) -> None:
    assert list(addresses_in(orjson.dumps(text))) == found


@pytest.mark.parametrize(
    "text",
    ("", "@", "@@", "ann", "ann@", "@example.org", "ann@localhost", "ann@1.2", "ann@-example.org",
     "ann @example.org", "ann@ example.org", "10@2.5", "@property\ndef x", "a@b.c"),
)  # fmt: skip
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert not list(addresses_in(orjson.dumps(text)))


@pytest.mark.parametrize("length", (1, LOCAL_PART_MAX - 1, LOCAL_PART_MAX))
def test_a_local_part_may_have_its_whole_length(length: int) -> None:
    address = "n" * length + "@example.org"
    assert list(addresses_in(orjson.dumps(f"\n{address}"))) == [address]


@pytest.mark.parametrize(
    "unit",
    (
        b"@",
        b"a",
        b"a.",
        b"@a",
        b"a@",
        b"@a.",
        b"a@b-",
        b"a@b.c",
        b"\\\\",
        b"\\n@",
        b"\xc3\xa9@",
        b"\xc3\xa9",
    ),
)
def test_the_work_grows_with_the_length_alone(unit: bytes) -> None:
    """If it grew with its square, a megabyte would take hours."""
    payload = b'"a@' + unit * (MEGABYTE // len(unit)) + b'@b.co"'
    assert sum(1 for _ in addresses_in(payload)) <= payload.count(b"@")


@pytest.mark.parametrize(
    ("kind", "spellings"),
    (
        (IdentifierKind.EMAIL, ("ann@example.org", " Ann@Example.ORG ", "ANN@EXAMPLE.ORG")),
        (IdentifierKind.LOGIN, ("ann", "Ann", " ANN")),
        (
            IdentifierKind.PHONE,
            ("+49 30 1234", "0049 (30) 12-34", "+49301234", "0049.30.1234", "+49 (0)30 1234"),
        ),
        (IdentifierKind.USER_ID, ("17", " 17 ", 17)),
        (IdentifierKind.NAME, ("Ann Lee", "ann  lee", " ANN\tLEE ")),
        (IdentifierKind.EMAIL, ("jos\u00e9@example.org", "jose\u0301@example.org")),
    ),
)
def test_all_spellings_are_one_person(kind: IdentifierKind, spellings: tuple[object, ...]) -> None:
    assert len({pseudonym_of(kind, spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    (
        (IdentifierKind.EMAIL, "ann@example.org", "ann@example.com"),
        (IdentifierKind.PHONE, "030 1234", "+030 1234"),
        (IdentifierKind.USER_ID, "u1", "U1"),
        (IdentifierKind.LOGIN, "ann", "anne"),
    ),
)
def test_different_people_stay_apart(kind: IdentifierKind, one: str, other: str) -> None:
    assert pseudonym_of(kind, one) != pseudonym_of(kind, other)


@pytest.mark.parametrize("kind", IdentifierKind)
@pytest.mark.parametrize("value", (None, "", "  ", True, [], {}, ["ann"], {"a": "ann"}))
def test_nothing_identifies_nobody(kind: IdentifierKind, value: object) -> None:
    assert pseudonym_of(kind, value) is None


def test_a_phone_without_a_digit_identifies_nobody() -> None:
    for text in ("+", "00", "none", "-", "+00"):
        assert subject_key_of(IdentifierKind.PHONE, text, KEY) is None


@given(st.sampled_from(IdentifierKind), st.text(st.characters(codec="utf-8"), max_size=30))
def test_what_is_normal_stays_as_it_is(kind: IdentifierKind, text: str) -> None:
    once = normalise(kind, text)
    assert normalise(kind, once) == once


@given(st.sampled_from(IdentifierKind), st.text(st.characters(codec="utf-8"), min_size=3))
def test_a_pseudonym_shows_nothing_without_its_key(kind: IdentifierKind, text: str) -> None:
    key = pseudonym_of(kind, text)
    if key is None:
        return
    assert len(key) == SUBJECT_KEY_LENGTH
    assert key != pseudonym_of(kind, text, bytes(32))
    place = "example.com:" if kind in NAMESPACED else ""
    content = f"{kind}:{place}{normalise(kind, text)}".encode()
    assert key == hmac.new(KEY, content, hashlib.sha256).hexdigest()[:SUBJECT_KEY_LENGTH]


def test_one_text_as_two_identifiers_is_two_pseudonyms() -> None:
    assert len({pseudonym_of(kind, "ann") for kind in IdentifierKind} - {None}) == 4


def test_one_number_of_two_places_is_two_people() -> None:
    for kind in IdentifierKind:
        keys = {pseudonym_of(kind, "42", at=place) for place in ("github.com", "c1")} - {None}
        assert len(keys) == (2 if kind in NAMESPACED else 1)


def pseudonym_of(
    kind: IdentifierKind, value: object, key: bytes = KEY, *, at: str = "example.com"
) -> str | None:
    return subject_key_of(kind, value, key, namespace=at)
