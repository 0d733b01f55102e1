"""Twelve spellings of an address are one person; what only looks like it is another."""

from urllib.parse import quote

import orjson
import pytest

from coworker_pipelines.extraction.addresses import addresses_in
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.masking import MARK, mask_addresses
from coworker_pipelines.sdk.stream import IdentifierKind
from tests.extraction.spellings import LOOK_ALIKES, SPELLINGS

KEY = bytes(range(32))


def key_of(address: str) -> str | None:
    return subject_key_of(IdentifierKind.EMAIL, address, KEY)


def found_in(payload: bytes) -> set[str | None]:
    return {key_of(address) for address in addresses_in(payload)}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    ("local", "domain"), (("ann.lee", "gmail.com"), ("jos\u00e9", "b\u00fccher.de"))
)
def test_each_spelling_is_the_person_and_is_masked(spelling: str, local: str, domain: str) -> None:
    person = key_of(f"{local}@{domain}")
    payload = orjson.dumps(SPELLINGS[spelling](local, domain), option=orjson.OPT_SORT_KEYS)
    assert person in found_in(payload)
    masked = mask_addresses(payload, lambda address: key_of(address) == person)
    assert person not in found_in(masked)
    assert MARK.encode() in masked
    assert mask_addresses(masked, lambda address: key_of(address) == person) == masked


@pytest.mark.parametrize("other", LOOK_ALIKES)
def test_a_look_alike_is_somebody_else(other: str) -> None:
    person = key_of("ann.lee@acme.org")
    assert key_of(other) != person
    for text in (other, f"<{other}>", f"?to={other}", f"?to={quote(other)}", f"see {other}."):
        assert person not in found_in(orjson.dumps(text)), text


@pytest.mark.parametrize(
    "text",
    (
        "Ann Lee <Ann.Lee+news@Acme.org>",
        "mailto:ann.lee@acme.org",
        "ann.lee%40acme.org",
        "ann.lee@acme.org.",
        "\uff41nn.lee\uff20acme.org",
    ),
)
def test_a_field_may_hold_an_address_in_a_wrapping(text: str) -> None:
    assert key_of(text) == key_of("ann.lee@acme.org")


@pytest.mark.parametrize(
    ("text", "masked"),
    (
        ("https://x.org/?to=ann@acme.org&x=1", f"https://x.org/?to={MARK}&x=1"),
        ("https://x.org/?to=ann%2Bnews%40acme.org#a", f"https://x.org/?to={MARK}#a"),
        ("u=%3Dann%40acme.org%26b", f"u=%3D{MARK}%26b"),
        ('{"to": "ann\\u0040acme.org"}', f'{{"to": "{MARK}"}}'),
        ("'ann@acme.org'", f"'{MARK}'"),
        ("ann.@acme.org", MARK),
    ),
)
def test_what_stands_around_an_address_stays(text: str, masked: str) -> None:
    payload = mask_addresses(orjson.dumps(text), lambda one: key_of(one) == key_of("ann@acme.org"))
    assert orjson.loads(payload) == masked


def test_a_sharp_s_is_a_letter_of_its_own() -> None:
    assert key_of("strau\u00df@acme.org") != key_of("strauss@acme.org")
    assert key_of("ann@stra\u00dfe.de") != key_of("ann@strasse.de")
