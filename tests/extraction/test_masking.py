"""A person's addresses and terms are gone from a payload, and nothing else is."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.extraction.addresses import addresses_in
from coworker_pipelines.extraction.masking import (
    MARK,
    holds_terms,
    mask_addresses,
    mask_terms,
    terms_of,
)
from coworker_pipelines.extraction.payload import canonical_payload

ANN = "ann@example.org"
BORDERS = st.sampled_from((" ", "\n", "<", '"', ",", "(", "\u201c", "\\", "\t"))
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="@"), max_size=8)
ADDRESSES = st.sampled_from((ANN, "ANN@Example.org", "joann@example.org", "ann@example.org.uk"))
TEXTS = st.lists(st.tuples(WORDS, BORDERS, ADDRESSES, BORDERS), max_size=4).map(
    lambda parts: "".join(map("".join, parts))
)
CONTENT = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(WORDS, CONTENT, max_size=4)


def is_ann(address: str) -> bool:
    return address.lower() == ANN


@given(RECORDS)
def test_no_masked_address_is_left_and_every_other_one_is(record: dict[str, object]) -> None:
    payload = canonical_payload(record)
    left = list(addresses_in(mask_addresses(payload, is_ann)))
    assert not any(map(is_ann, left))
    kept = {address for address in addresses_in(payload) if not is_ann(address)}
    assert set(left) <= kept
    assert kept <= set(left) | set(_under_names_that_met(record))


def _under_names_that_met(content: object) -> list[str]:
    """Two names that mask to the same one leave one value."""
    return list(addresses_in(orjson.dumps(content))) if _has_names_with_addresses(content) else []


def _has_names_with_addresses(content: object) -> bool:
    match content:
        case dict():
            return any("@" in name for name in content) or any(
                map(_has_names_with_addresses, content.values())
            )
        case list():
            return any(map(_has_names_with_addresses, content))
        case _:
            return False


@given(RECORDS)
def test_what_is_masked_is_canonical_and_masking_again_changes_nothing(
    record: dict[str, object],
) -> None:
    masked = mask_addresses(canonical_payload(record), is_ann)
    assert masked == canonical_payload(orjson.loads(masked))
    assert mask_addresses(masked, is_ann) is masked


@given(RECORDS)
def test_nothing_is_touched_where_nobody_is_masked(record: dict[str, object]) -> None:
    payload = canonical_payload(record)
    assert mask_addresses(payload, lambda _: False) is payload


@pytest.mark.parametrize(
    ("text", "masked"),
    (
        ("Ann <ann@example.org>, Bob <bob@example.org>", "Ann <[erased]>, Bob <bob@example.org>"),
        ("ANN@EXAMPLE.ORG and joann@example.org", "[erased] and joann@example.org"),
        ("ann@example.org@example.org", "[erased]@example.org"),
        ("\nann@example.org\n", "\n[erased]\n"),
        ("ann@example.org.uk", "ann@example.org.uk"),
        ("ann@example.org,ann@example.org", "[erased],[erased]"),
    ),
)
def test_an_address_is_masked_where_it_stands(text: str, masked: str) -> None:
    payload = canonical_payload({"text": text})
    assert orjson.loads(mask_addresses(payload, is_ann)) == {"text": masked}


def test_addresses_that_overlap_leave_one_mark() -> None:
    payload = canonical_payload({"text": "a@b.org@c.org"})
    assert orjson.loads(mask_addresses(payload, lambda _: True)) == {"text": MARK}


def test_a_name_is_masked_and_has_its_place_anew() -> None:
    payload = canonical_payload({"people": {ANN: 1, "b": 2, "Z": 3}})
    assert mask_addresses(payload, is_ann) == b'{"people":{"Z":3,"[erased]":1,"b":2}}'


@pytest.mark.parametrize(
    ("terms", "text", "masked"),
    (
        (["Ann Lee"], "by ann lee, and ANN  LEE", "by [erased], and [erased]"),
        (["Ann"], "Joann, Anna, ann_b, Ann's, 7ann", "Joann, Anna, [erased]_b, [erased]'s, 7ann"),
        (["José"], "Jose\u0301 and JOSÉ and Jose", "[erased] and [erased] and Jose"),
        (["Jose"], "Jose\u0301 Jose", "Jose\u0301 [erased]"),
        (["张伟"], "请联系张伟谢谢", "请联系[erased]谢谢"),
        (["Ann"], "请联系Ann谢谢", "请联系[erased]谢谢"),
        (["+49 30 1234"], "call +49 30 1234.", "call [erased]."),
        (["Ann", "Ann Lee"], "Ann Lee and Ann", "[erased] and [erased]"),
        (["a.b"], "a.b axb", "[erased] axb"),
    ),
)
def test_a_term_is_masked_as_a_whole_word(terms: list[str], text: str, masked: str) -> None:
    pattern = terms_of(terms)
    assert pattern is not None
    payload = canonical_payload({"text": text})
    assert orjson.loads(mask_terms(payload, pattern)) == {"text": masked}
    assert holds_terms(payload, pattern) == (text != masked)


def test_a_number_is_masked_where_it_is_the_term() -> None:
    pattern = terms_of(["4930123"])
    assert pattern is not None
    payload = canonical_payload({"phone": 4930123, "other": 49301234, "yes": True})
    assert orjson.loads(mask_terms(payload, pattern)) == {
        "phone": MARK,
        "other": 49301234,
        "yes": True,
    }


def test_no_term_finds_nothing() -> None:
    assert terms_of(["", " ", "..."]) is None
