"""The refresher, when the server, the network or the store does not do what it should."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.due import due_connections
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.grants import GrantState, add_grant, new_grant_id
from coworker_pipelines.oauth.refresh import (
    REVOKE_TRIES_MAX,
    refreshing,
)
from coworker_pipelines.secrets.references import grant_reference
from coworker_pipelines.secrets.store import MemorySecretStore
from tests.oauth.faulty_server import Fault, FaultyServer, faulty_server
from tests.oauth.house import House
from tests.oauth.sample import NOW, STORED


class StumblingStore(MemorySecretStore):
    """Fails the puts that it is told to, counted from now."""

    def __init__(self) -> None:
        super().__init__()
        self.puts = 0
        self.fail_on: dict[int, Exception] = {}
        self.history: list[tuple[str, Mapping[str, Secret]]] = []

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        self.puts += 1
        if error := self.fail_on.pop(self.puts, None):
            raise error
        self.history.append((reference, values))
        super().put(reference, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    house: House
    clock: FixedClock
    store: StumblingStore
    faulty: FaultyServer
    handle: str

    def turn(self) -> dict[str, int]:
        return {str(outcome): count for outcome, count in self.house.refresher.turn().items()}

    def fail_on(self, *puts: int, error: Exception) -> None:
        self.store.puts = 0
        self.store.fail_on = dict.fromkeys(puts, error)


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    """A connection that was let in by a server of many faults; its token is to be renewed."""
    clock, store = FixedClock(NOW), StumblingStore()
    house = House(database=database, secrets=store, clock=clock)
    with faulty_server() as faulty:
        handle = let_in(house, faulty)
        yield Scene(house=house, clock=clock, store=store, faulty=faulty, handle=handle)


def let_in(house: House, faulty: FaultyServer, name: str = "source") -> str:
    handle, grant_id = house.add_connection(name), new_grant_id()
    stored = replace(STORED, client=faulty.client, refresh_token=Secret(faulty.newest))
    house.secrets.put(grant_reference(house.scope(handle), grant_id), stored.to_values())
    with house.database.control() as session:
        connection = find_connection(session, handle)
        add_grant(
            session,
            connection,
            grant_id,
            client_id="client",
            scopes=("items",),
            authorised_by="ann",
            now=house.clock.now(),
        )
    house.refresher.turn()
    assert house.token(handle) == STORED.access
    house.make_due(handle)
    return handle


def test_the_new_refresh_token_is_written_before_anybody_has_the_access_token(
    scene: Scene,
) -> None:
    scene.store.history.clear()
    first = scene.house.stored(scene.handle)
    assert scene.turn() == {"refreshed": 1}
    second = scene.house.stored(scene.handle)
    (before, sent), (kept, whole), (given_out, access) = scene.store.history
    assert (
        before
        == kept
        == grant_reference(scene.house.scope(scene.handle), scene.house.grants(scene.handle)[0].id)
    )
    assert sent == first.sent(NOW).to_values()
    assert whole == second.to_values()
    assert second.sent_at is None
    assert given_out.startswith("token/")
    assert set(access) == {"access_token", "expires_at"}
    assert scene.house.token(scene.handle) == second.access


@pytest.mark.parametrize("fault", (Fault.OVERLOADED, Fault.INTERNAL, Fault.PAGE))
def test_a_server_that_is_not_well_is_asked_again_later(scene: Scene, fault: Fault) -> None:
    scene.faulty.faults += [fault, fault]
    for attempt in (1, 2):
        assert scene.turn() == {"later": 1}
        (grant,) = scene.house.grants(scene.handle)
        assert grant.attempts == attempt
        assert grant.due_at is not None
        wait = grant.due_at - scene.clock.now()
        assert wait >= timedelta(seconds=120 if fault is Fault.OVERLOADED else 15 * attempt)
        assert grant.note
        assert scene.turn() == {}, "not before its time"
        scene.clock.advance(wait)
    assert scene.turn() == {"refreshed": 1}
    (grant,) = scene.house.grants(scene.handle)
    assert (grant.attempts, grant.note, grant.state) == (0, None, GrantState.ACTIVE)
    assert scene.house.attention(scene.handle) is None


@pytest.mark.parametrize("fault", (Fault.LOST, Fault.BROKEN_OFF))
def test_a_lost_answer_is_made_good_by_a_server_that_allows_for_it(
    scene: Scene, fault: Fault
) -> None:
    scene.faulty.forgives = True
    scene.faulty.faults.append(fault)
    assert scene.turn() == {"later": 1}
    assert scene.house.stored(scene.handle).sent_at == NOW
    scene.clock.advance(timedelta(minutes=1))
    assert scene.turn() == {"refreshed": 1}
    assert scene.house.stored(scene.handle).sent_at is None


@pytest.mark.parametrize("fault", (Fault.LOST, Fault.BROKEN_OFF))
def test_where_the_server_does_not_allow_for_it_the_tenant_is_told_what_happened(
    scene: Scene, fault: Fault
) -> None:
    scene.faulty.faults.append(fault)
    assert scene.turn() == {"later": 1}
    scene.clock.advance(timedelta(minutes=1))
    assert scene.turn() == {"refused": 1}
    sentence = scene.house.attention(scene.handle)
    assert sentence is not None
    assert "its answer of 2026-03-15 12:00:00 UTC was lost" in sentence
    assert "`coworker connections authorize acme.source`" in sentence


@pytest.mark.parametrize(
    ("error", "says"),
    (
        ("invalid_grant", "was revoked at the source, or ran out there"),
        ("invalid_client", "its secret was changed or the client removed"),
        ("unsupported_grant_type", "(unsupported_grant_type)"),
    ),
)
def test_a_grant_that_is_refused_needs_the_tenant_and_is_not_asked_about_again(
    scene: Scene, error: str, says: str
) -> None:
    scene.faulty.errors.append(error)
    with scene.house.database.control() as session:
        find_connection(session, scene.handle).due_at = NOW
        session.flush()
        assert len(due_connections(session, now=NOW, limit=5)) == 1
    assert scene.turn() == {"refused": 1}
    sentence = scene.house.attention(scene.handle)
    assert sentence is not None
    assert says in sentence
    assert "`coworker connections authorize acme.source`" in sentence
    (grant,) = scene.house.grants(scene.handle)
    assert (grant.state, grant.due_at, grant.note) == (GrantState.REFUSED, None, sentence)
    assert scene.store.get(grant_reference(scene.house.scope(scene.handle), grant.id)) == {}
    with scene.house.database.control() as session:
        assert due_connections(session, now=NOW, limit=5) == []
    asked = len(scene.faulty.asked)
    scene.clock.advance(timedelta(days=30))
    assert scene.turn() == {}
    assert len(scene.faulty.asked) == asked


def test_a_store_that_takes_nothing_is_found_out_before_a_token_is_used_up(scene: Scene) -> None:
    scene.fail_on(1, error=RetryLaterError("The secret store does not answer."))
    assert scene.turn() == {"later": 1}
    assert scene.faulty.asked == []
    scene.clock.advance(timedelta(minutes=1))
    assert scene.turn() == {"refreshed": 1}


def test_a_store_that_stumbles_over_the_answer_is_asked_again(scene: Scene) -> None:
    scene.fail_on(2, 3, 4, error=RetryLaterError("The secret store does not answer."))
    assert scene.turn() == {"refreshed": 1}
    assert scene.house.stored(scene.handle).refresh_token == Secret(scene.faulty.newest)


def test_an_answer_that_was_stored_is_handed_out_without_asking_again(scene: Scene) -> None:
    scene.fail_on(3, error=RetryLaterError("The secret store does not answer."))
    assert scene.turn() == {"later": 1}
    kept = scene.house.stored(scene.handle)
    assert scene.house.token(scene.handle) != kept.access
    asked = len(scene.faulty.asked)
    scene.clock.advance(timedelta(minutes=1))
    assert scene.turn() == {"refreshed": 1}
    assert len(scene.faulty.asked) == asked
    assert scene.house.token(scene.handle) == kept.access


def test_a_right_that_we_lack_is_no_fault_of_the_grant(scene: Scene) -> None:
    scene.fail_on(1, error=RefusedError("The refresher may not write grants."))
    assert scene.turn() == {"later": 1}
    assert scene.house.attention(scene.handle) is None
    (grant,) = scene.house.grants(scene.handle)
    assert grant.note == "The refresher may not write grants."


def test_what_is_not_whole_in_the_store_needs_the_tenant(scene: Scene) -> None:
    (grant,) = scene.house.grants(scene.handle)
    reference = grant_reference(scene.house.scope(scene.handle), grant.id)
    scene.store.put(reference, {"refresh_token": Secret("alone")})
    assert scene.turn() == {"refused": 1}
    assert "not whole" in str(scene.house.attention(scene.handle))


def test_a_server_without_refresh_tokens_is_asked_for_consent_when_the_token_runs_out(
    scene: Scene,
) -> None:
    scene.faulty.gives_refresh_tokens = False
    assert scene.turn() == {"refreshed": 1}
    assert scene.house.stored(scene.handle).refresh_token is not None, "the old one goes on"
    (grant,) = scene.house.grants(scene.handle)
    reference = grant_reference(scene.house.scope(scene.handle), grant.id)
    bare = replace(scene.house.stored(scene.handle), refresh_token=None)
    scene.store.put(reference, bare.to_values())
    scene.house.make_due(scene.handle)
    assert scene.turn() == {"refused": 1}
    assert "gave no refresh token" in str(scene.house.attention(scene.handle))


def test_two_refreshers_never_send_one_token_twice(scene: Scene) -> None:
    scope = scene.house.scope(scene.handle)
    with refreshing(scene.house.database, scope.connection, wait_s=0):
        assert scene.turn() == {"nothing": 1}
    assert scene.faulty.asked == []
    with scene.house.database.connection_lock(scope.connection, wait_s=0):
        assert scene.turn() == {"refreshed": 1}, "a long sync is no reason to wait"


def test_one_grant_in_trouble_holds_up_no_other(scene: Scene) -> None:
    with faulty_server() as well:
        other = let_in(scene.house, well, "other")
        scene.house.make_due(scene.handle)
        scene.faulty.faults.append(Fault.INTERNAL)
        assert scene.turn() == {"later": 1, "refreshed": 1}
        assert scene.house.token(other) == scene.house.stored(other).access


def test_what_cannot_be_revoked_is_left_with_a_word(scene: Scene) -> None:
    scene.house.authorizer.withdraw(scene.handle)
    scene.faulty.faults += [Fault.INTERNAL] * (REVOKE_TRIES_MAX + 1)
    for _ in range(REVOKE_TRIES_MAX):
        assert scene.turn() == {"later": 1}
        scene.clock.advance(timedelta(hours=1))
    assert scene.turn() == {"left": 1}
    (grant,) = scene.house.grants(scene.handle)
    assert grant.state == GrantState.LEFT
    assert "revoke the access there" in str(grant.note)
    reference = grant_reference(scene.house.scope(scene.handle), grant.id)
    assert scene.store.get(reference) == {}


@pytest.mark.parametrize("how", ("revoked", "refused"))
def test_a_store_that_stumbles_after_the_end_does_not_bring_a_grant_back(
    scene: Scene, how: str
) -> None:
    if how == "revoked":
        scene.house.authorizer.withdraw(scene.handle)
    else:
        scene.faulty.errors.append("invalid_grant")
    last_put = 1 if how == "revoked" else 2
    scene.fail_on(last_put, error=RetryLaterError("The secret store does not answer."))
    assert scene.turn() == {"later": 1}
    (grant,) = scene.house.grants(scene.handle)
    assert (grant.state, grant.due_at) == (how, None)
    assert grant.ended_at == NOW
    scene.clock.advance(timedelta(days=1))
    assert scene.turn() == {}


def test_the_question_what_is_due_is_answered_from_an_index(scene: Scene) -> None:
    scope = scene.house.scope(scene.handle)
    with scene.house.database._engine.begin() as owner:
        owner.execute(
            text(
                "INSERT INTO oauth_grants (id, tenant_id, connection_id, state, client_id, scopes,"
                " authorised_by, authorised_at, due_at, serial, attempts) SELECT 'g' || n, :tenant,"
                " :connection, 'withdrawn', 'client', '[]', 'ann', :now,"
                " :now + n * interval '1 minute', 1, 0 FROM generate_series(1, 5000) n"
            ),
            {"tenant": scope.tenant, "connection": scope.connection, "now": NOW},
        )
        owner.execute(text("ANALYZE oauth_grants"))
        plan = owner.execute(
            text(
                "EXPLAIN SELECT id FROM oauth_grants WHERE due_at <= :now ORDER BY due_at LIMIT 9"
            ),
            {"now": NOW + timedelta(minutes=100)},
        )
        lines = "\n".join(plan.scalars())
    assert "Index Scan using ix_oauth_grants_due_at" in lines
    assert "Sort" not in lines
