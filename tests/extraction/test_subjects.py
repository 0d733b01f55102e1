"""Who a record is about."""

import pytest

from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.payload import (
    canonical_payload,
)
from coworker_pipelines.extraction.subjects import subject_keys_of
from coworker_pipelines.sdk.stream import IdentifierKind
from tests.extraction.shop import (
    ORDERS,
    SUBJECT_KEY,
    order,
)


def test_one_person_has_one_pseudonym_in_field_and_text() -> None:
    record = order(1, email="Ann@Example.org", note="ann@example.org, ANN@EXAMPLE.ORG")
    keys = subject_keys_of(ORDERS, record, canonical_payload(record), SUBJECT_KEY)
    assert keys == [subject_key_of(IdentifierKind.EMAIL, "ann@example.org", SUBJECT_KEY)]


@pytest.mark.parametrize("login", (True, None, ["x"], {"x": 1}, ""))
def test_what_identifies_nobody_makes_no_subject_key(login: object) -> None:
    record = order(1, email="", login=login)
    assert subject_keys_of(ORDERS, record, canonical_payload(record), SUBJECT_KEY) == []


def test_a_name_finds_nobody() -> None:
    record = {"id": 1, "buyer": "Ann Lee"}
    assert subject_keys_of(ORDERS, record, canonical_payload(record), SUBJECT_KEY) == []
