"""Between reading a message and deciding on it, a deletion or an erasure may come."""

import pytest
from sqlalchemy import select

from coworker_pipelines.automation.decisions.admission import Admission
from coworker_pipelines.automation.decisions.deciding import DecidedCounts, decide_messages
from coworker_pipelines.automation.rows import DecisionRecord
from coworker_pipelines.connections.connections import find_connection, raise_epoch
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.suppression.suppressions import (
    SuppressionOrder,
    apply_suppression,
)
from tests.automation.messages import ANN, BOB, NOON, commit
from tests.automation.planting import switch_on
from tests.automation.rules import large
from tests.connections.shop import make_shop


@pytest.fixture
def scope(database: Database) -> Scope:
    scope = make_shop(database)
    switch_on(database, scope.tenant, large())
    return scope


def decide(database: Database, scope: Scope, admission: Admission, first: int) -> DecidedCounts:
    events = [
        commit(number, scope=scope, actor=BOB if number % 2 else ANN)
        for number in range(first, first + 10)
    ]
    return decide_messages(
        database, scope.tenant, events, connection="shop", now=NOON, admit=admission
    )


def test_nothing_is_decided_on_who_was_erased_meanwhile(database: Database, scope: Scope) -> None:
    admission = Admission(scope=scope)
    assert decide(database, scope, admission, 0).decided == 10
    with database.privacy() as session:
        order = SuppressionOrder(
            order_id="o" * 16,
            extent=Extent(tenant=scope.tenant),
            reason="asked by letter",
            made_by="ann",
            people=frozenset({ANN}),
        )
        apply_suppression(session, order, now=NOON)
    assert decide(database, scope, admission, 2_000) == DecidedCounts(decided=5, actions=10)
    with database.control() as session:
        late = select(DecisionRecord.subject_keys).where(DecisionRecord.sequence > 10)
        assert list(session.scalars(late)) == [[BOB]] * 5


def test_who_was_shut_out_decides_nothing(database: Database, scope: Scope) -> None:
    with database.control() as session:
        raise_epoch(session, find_connection(session, "acme.shop"))
    with pytest.raises(RefusedError, match="deleted or started anew"):
        decide(database, scope, Admission(scope=scope), 0)
    with database.control() as session:
        assert session.scalars(select(DecisionRecord)).all() == []
