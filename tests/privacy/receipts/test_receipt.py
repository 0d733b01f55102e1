"""A receipt has one form, and says nothing where data is left."""

import hashlib
import subprocess
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import DefectError, RefusedError, TenantActionError
from coworker_pipelines.privacy.receipts.canonical import canonical
from coworker_pipelines.privacy.receipts.commitment import commit, is_about
from coworker_pipelines.privacy.receipts.digests import code_digest, registry_digest
from coworker_pipelines.privacy.receipts.receipt import BEGINNING, Receipt, Statement, body_of
from coworker_pipelines.privacy.receipts.signing import PublicKeys, SigningKey
from tests.privacy.receipts.claims import KEY, NOW, STATEMENTS, TEXTS, outcome, statement

# The examples of RFC 8785, sections 3.2.2 and 3.2.3.
EXAMPLE = """{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
  "literals": [null, true, false]
}"""
CANONICAL = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)
NAMES = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\U0001f600": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
}
ORDER_OF_NAMES = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_the_canonical_form_is_that_of_the_standard() -> None:
    assert canonical(orjson.loads(EXAMPLE)).decode() == CANONICAL
    assert list(orjson.loads(canonical(NAMES))) == ORDER_OF_NAMES


@given(STATEMENTS)
def test_a_line_is_read_as_it_was_written(claim: Statement) -> None:
    receipt = _receipt(claim)
    line = receipt.line()
    assert line.count(b"\n") == 1
    assert Receipt.of_line(line) == receipt
    assert receipt.content["order"]["id"] == claim.order_id


@pytest.mark.parametrize("left", ({"left_first": 1}, {"left_second": 3}))
def test_no_receipt_is_made_where_data_is_left(left: dict[str, int]) -> None:
    with pytest.raises(DefectError, match=r"data is left in: activities, documents\."):
        _receipt(
            statement(
                "o1",
                outcome("documents", **left),
                outcome("rows"),
                outcome("activities", **left),
            )
        )


def test_a_receipt_says_until_when_backups_hold_it() -> None:
    until = NOW + timedelta(days=30)
    assert _receipt(statement()).content["backups"] == {
        "kept_until": f"{until:%Y-%m-%d}T12:00:00Z",
        "replayed_on_restore": True,
    }


def test_a_time_without_its_zone_is_none() -> None:
    with pytest.raises(DefectError, match="without its zone"):
        body_of(
            statement(),
            number=1,
            previous=BEGINNING,
            issued_at=NOW.replace(tzinfo=None),
            backups_until=None,
            code="",
            key="",
        )


def test_another_program_verifies_the_signature(tmp_path: Path) -> None:
    receipt = _receipt(statement())
    for name, content in (
        ("key.pem", KEY.public_pem()),
        ("body", receipt.body),
        ("signature", receipt.signature),
    ):
        (tmp_path / name).write_bytes(content)
    command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in body -sigfile signature"
    answer = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
    assert answer.returncode == 0, answer.stderr
    (tmp_path / "body").write_bytes(receipt.body.replace(b"t1", b"t2"))
    assert subprocess.run(
        command.split(), cwd=tmp_path, capture_output=True, check=False
    ).returncode


def test_the_key_is_made_closed_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "state" / "receipts.key"
    first = SigningKey.read(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(path).public_pem() == first.public_pem()
    assert SigningKey.read(tmp_path / "other.key").name != first.name
    path.chmod(0o644)
    with pytest.raises(RefusedError, match="chmod 600"):
        SigningKey.read(path)


@pytest.mark.parametrize("content", (b"", b"no key", KEY.public_pem().replace(b"MC", b"XX")))
def test_what_is_no_public_key_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(TenantActionError, match="public key"):
        PublicKeys.of(content)


@given(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=3))
def test_who_has_the_salt_shows_that_a_receipt_is_about_them(
    identifiers: list[str],
) -> None:
    made = commit(identifiers)
    again = [f" {one} " for one in identifiers[::-1]]
    assert is_about(again, made.salt, made.digest)
    assert not is_about([*identifiers, "bob@example.org"], made.salt, made.digest)
    assert not is_about(identifiers, commit(identifiers).salt, made.digest)
    assert not is_about(identifiers, "no salt", made.digest)
    assert not any(len(one) > 8 and one in repr(made) for one in (made.salt, made.digest))


def test_two_commitments_to_one_person_have_nothing_in_common() -> None:
    one, other = commit(["ann@example.org"]), commit(["ann@example.org"])
    assert one.digest != other.digest
    assert one.salt != other.salt


def test_the_digests_follow_what_they_are_of() -> None:
    listing = [{"name": "documents", "reach": ["tenant"]}, {"name": "rows", "reach": []}]
    assert registry_digest(listing) == registry_digest([dict(one) for one in listing])
    assert registry_digest(listing) != registry_digest(listing[::-1])
    assert len(code_digest()) == hashlib.sha256().digest_size * 2


def _receipt(claim: Statement) -> Receipt:
    body = body_of(
        claim,
        number=1,
        previous=BEGINNING,
        issued_at=NOW,
        backups_until=NOW + timedelta(days=30),
        code="c" * 64,
        key=KEY.name,
    )
    return Receipt(number=1, body=body, signature=KEY.sign(body))
