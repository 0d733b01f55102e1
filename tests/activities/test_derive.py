"""Derivation: pure, in any process and order, and without a name in the clear."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.sdk.activity import Fact, StoredRecord, Verb
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import IdentifierKind, Stream
from tests.activities.shapes import CARDS, KIND, SCOPE, SUBJECT_KEY, BoardConnector, card

DERIVE_IN_A_PROCESS = """
import sys
from tests.activities.shapes import card
from tests.activities.test_derive import events
numbers = range(50) if sys.argv[1] == "up" else range(49, -1, -1)
found = events([card(number) for number in numbers])
sys.stdout.buffer.write(b"\\n".join(found[key] for key in sorted(found)))
"""


def events(
    documents: list[StoredDocument], connector: type[Connector[Any]] = BoardConnector
) -> dict[str, bytes]:
    return {
        message.id: message.event
        for document in documents
        for message in derive_messages(
            connector, CARDS, document, scope=SCOPE, kind=KIND, subject_key=SUBJECT_KEY
        )
    }


def in_a_process(order: str, seed: str) -> bytes:
    return subprocess.run(
        [sys.executable, "-c", DERIVE_IN_A_PROCESS, order],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
    ).stdout


def test_two_processes_with_other_hash_seeds_and_orders_derive_the_same_bytes() -> None:
    one, other = in_a_process("up", "1"), in_a_process("down", "4242")
    assert one.count(b"\n") == 49
    assert one == other


@given(st.permutations(range(10)))
def test_the_order_of_documents_means_nothing(order: list[int]) -> None:
    assert events([card(number) for number in order]) == events(
        [card(number) for number in range(10)]
    )


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.integers(-(2**53), 2**53))
)
def test_the_order_of_a_payloads_fields_means_nothing(extra: dict[str, int]) -> None:
    fields = {**extra, **card(1).payload}
    turned = dict(reversed(fields.items()))
    assert events([card(1, payload=fields)]) == events([card(1, payload=turned)])


def test_an_actor_has_the_key_that_documents_have_for_the_same_person() -> None:
    (message,) = derive_messages(
        BoardConnector, CARDS, card(3), scope=SCOPE, kind=KIND, subject_key=SUBJECT_KEY
    )
    expected = subject_key_of(IdentifierKind.EMAIL, "Person3@Example.org ", SUBJECT_KEY)
    assert message.actor == expected


def test_another_tenants_key_makes_another_actor() -> None:
    (message,) = derive_messages(
        BoardConnector, CARDS, card(3), scope=SCOPE, kind=KIND, subject_key=b"another tenant's"
    )
    assert message.actor != subject_key_of(IdentifierKind.EMAIL, "person3@example.org", SUBJECT_KEY)


class TwiceConnector(BoardConnector):
    """A defect: one verb twice, and nothing that tells the two apart."""

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        del stream
        for _ in range(2):
            yield Fact(verb=Verb.ADD, at=None, object_type="card", object_id=record.key)


def test_two_facts_with_one_id_are_a_defect_rather_than_a_loss() -> None:
    with pytest.raises(DefectError, match="same verb and discriminator"):
        events([card(1)], TwiceConnector)
