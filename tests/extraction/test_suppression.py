"""What becomes of records about people who were erased, and of records that mention them."""

from typing import Any

import pytest

from coworker_pipelines.connections.suppressed_keys import KeySet
from coworker_pipelines.connections.suppression import SuppressionList, document_token
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.prepare import Preparation, Rejection, Suppressed
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.sdk.stream import IdentifierKind
from tests.extraction.preparing import Operation, operation_of, outcome_of
from tests.extraction.shop import ORDERS, SUBJECT_KEY, manifest_for, order, request_for

ANN = frozenset({str(subject_key_of(IdentifierKind.EMAIL, "ann@example.org", SUBJECT_KEY))})


def test_a_record_of_a_person_who_was_erased_is_not_taken_in_again() -> None:
    record = order(1, email="Ann@Example.org", note="as ann@example.org said")
    assert isinstance(outcome_of(ORDERS, record, suppressed=ANN), Suppressed)
    assert isinstance(outcome_of(ORDERS, record, suppressed=frozenset({"0" * 32})), Operation)
    assert isinstance(outcome_of(ORDERS, order(2), suppressed=ANN), Operation)


@pytest.mark.parametrize(
    ("field", "value", "masked"),
    (
        ("note", "as ann@example.org said", "as [erased] said"),
        ("buyer", {"deep": ["<ANN@example.org>"]}, {"deep": ["<[erased]>"]}),
        ("note", {"Ann@example.org": 1}, {"[erased]": 1}),
        ("note", "ann@example.org, joann@example.org", "[erased], joann@example.org"),
    ),
)
def test_a_record_that_mentions_one_is_taken_in_without_the_mention(
    field: str, value: object, masked: object
) -> None:
    operation = operation_of(ORDERS, order(1, **{field: value}), suppressed=ANN)
    assert operation == operation_of(ORDERS, order(1, **{field: masked}))


def test_a_field_that_named_somebody_by_a_masked_address_names_nobody() -> None:
    """A login may be an address: the address is masked, and the login's own key goes with it."""
    operation = operation_of(ORDERS, order(1, login="ann@example.org"), suppressed=ANN)
    assert operation == operation_of(ORDERS, order(1, login="[erased]"))


def test_a_rejected_record_of_a_person_who_was_erased_is_not_kept() -> None:
    record: dict[str, Any] = order(1, email="ann@example.org", changed_at=None)
    assert isinstance(outcome_of(ORDERS, record, suppressed=ANN), Suppressed)


def test_a_rejected_record_that_mentions_one_is_kept_without_the_mention() -> None:
    record = order(1, note="by <ann@example.org>", changed_at=None)
    rejection = outcome_of(ORDERS, record, suppressed=ANN)
    assert isinstance(rejection, Rejection)
    assert b"ann@example.org" not in rejection.payload
    assert b"[erased]" in rejection.payload


def test_a_document_that_was_masked_stays_out_in_newer_versions() -> None:
    token = document_token(SUBJECT_KEY, "acme.shop", "orders", "1")
    masked = SuppressionList(generation=1, documents=KeySet.of([token]))
    screen = Screen(masked, ORDERS, SUBJECT_KEY, handle="acme.shop")
    preparation = Preparation(
        request_for(ORDERS), manifest_for(ORDERS), subject_key=SUBJECT_KEY, screen=screen
    )
    page = preparation.prepare([order(1), order(2)])
    assert page.documents.keys == ["2"]
    assert page.left_out == [Suppressed()]
