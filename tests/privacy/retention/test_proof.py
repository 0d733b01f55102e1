"""What a sweep is proved by."""

from dataclasses import replace
from datetime import date, timedelta

from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.connections.retention import Age, Basis, Policy
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.retention.proof import proof_of
from coworker_pipelines.privacy.retention.sweep import StreamSweep
from tests.privacy.retention.worlds import CONNECTIONS, NOW, TENANT

SCOPE = Scope(tenant=TENANT, connection=CONNECTIONS[0], epoch=1)
HOLD = Hold(
    id="h" + "0" * 15,
    tenant=TENANT,
    connection=None,
    stream=None,
    since=None,
    until=NOW,
    review_at=date(2026, 9, 1),
)
NOTHING = StreamSweep(
    stream="commits",
    policy=Policy(connection=None, stream=None, basis=Basis.EVENT, age=Age(days=10), grace_days=0),
    spent_before=NOW,
    holds=(HOLD,),
    began_at=NOW,
    ended_at=NOW,
)
SWEPT = replace(NOTHING, stream="notes", matched=3, deleted=3, activities=2, rejected=1, segments=4)


def test_a_sweep_that_removed_nothing_is_not_proved() -> None:
    assert proof_of(SCOPE, []) is None
    assert proof_of(SCOPE, [NOTHING, replace(NOTHING, held=7)]) is None


def test_a_sweep_is_proved_place_by_place() -> None:
    later = replace(SWEPT, ended_at=NOW + timedelta(minutes=1))
    proof = proof_of(SCOPE, [NOTHING, later])
    assert proof is not None
    assert {one.target: one.deleted for one in proof.outcomes} == {
        "documents of notes": 3,
        "activities of notes": 2,
        "rejected records of notes": 1,
        "segments of notes": 4,
    }
    assert (proof.kind, proof.requested_at, proof.confirmed_at) == ("retention", NOW, NOW)
    assert (proof.extent.connection, proof.extent.stream) == (SCOPE.connection, None)
    assert proof.exemptions == ()


def test_what_holds_kept_is_named_with_their_review() -> None:
    proof = proof_of(SCOPE, [replace(SWEPT, held=1), replace(NOTHING, held=2)])
    assert proof is not None
    (exempted,) = proof.exemptions
    assert HOLD.id in exempted.why
    assert exempted.until == HOLD.review_at


def test_each_sweep_has_an_id_of_its_own() -> None:
    first, second = proof_of(SCOPE, [SWEPT]), proof_of(SCOPE, [SWEPT])
    assert first is not None
    assert second is not None
    assert first.order_id != second.order_id
