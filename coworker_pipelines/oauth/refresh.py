"""Refreshing before expiry, and revoking what was withdrawn: one turn over what is due.

A refresh token may be good once, so the order is what counts. Before it is sent, the grant is
written with the time of sending: that shows that the store takes writes, and stays as a trace.
The answer is written first of all, whole; then runs get the access token; then the database
learns of it. A turn that is killed between two of these is made good by the next, but for one
instant: between the server's answer and its being written. The next turn sends the old token
again, which a server that allows for lost answers takes; one that doesn't, refuses, and the
connection then needs the tenant and says why.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.exchange import (
    Issued,
    OAuthClient,
    Refused,
    TokenEndpoint,
    open_http,
)
from coworker_pipelines.oauth.failures import broken, refresh_failure, unrenewable
from coworker_pipelines.oauth.grants import (
    Grant,
    GrantState,
    due_grants,
    read_grant,
    record_later,
    record_left,
    record_refused,
    record_revoked,
    record_token,
)
from coworker_pipelines.oauth.stored import StoredGrant
from coworker_pipelines.secrets.references import token_reference
from coworker_pipelines.secrets.store import SecretReader, SecretWriter

MARGIN_MAX: Final = timedelta(minutes=15)
"""A new token has to reach the mounts of running pods, which takes a kubelet up to two minutes."""
UNTOLD_LIFE: Final = timedelta(hours=1)
"""Of a token that can be renewed, and whose server does not say how long it lives."""
BACK_OFF_FIRST_S: Final = 15.0
BACK_OFF_MAX_S: Final = 900.0
DUE_MAX: Final = 100
"""Grants of one look at the database."""
REVOKE_TRIES_MAX: Final = 10
WRITE_TRIES: Final = 6
WRITE_WAIT_FIRST_S: Final = 0.25

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOut:
    """An answer was stored that runs may not have yet."""

    stored: StoredGrant


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    stored: StoredGrant
    token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    stored: StoredGrant
    token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Somebody else was quicker."""


Step = HandOut | Refresh | Revoke | Leave | Refuse | Nothing


class Outcome(StrEnum):
    REFRESHED = "refreshed"
    REVOKED = "revoked"
    LEFT = "left"
    REFUSED = "refused"
    LATER = "later"
    NOTHING = "nothing"


def plan_step(grant: Grant, stored: StoredGrant | None, now: datetime) -> Step:
    """What is to be done about a grant now; ``stored`` is ``None`` where it is not whole."""
    if grant.due_at is None or grant.due_at > now:
        return Nothing()
    match grant.state:
        case GrantState.WITHDRAWN:
            return _plan_end(grant, stored)
        case GrantState.ACTIVE:
            if stored is None:
                return Refuse(sentence=broken(grant.handle))
            if stored.serial != grant.serial:
                return HandOut(stored=stored)
            if stored.refresh_token is None:
                return Refuse(sentence=unrenewable(grant.handle))
            return Refresh(stored=stored, token=stored.refresh_token)
        case GrantState.REVOKED | GrantState.LEFT | GrantState.REFUSED:
            return Nothing()
        case _:
            assert_never(grant.state)


def _plan_end(grant: Grant, stored: StoredGrant | None) -> Step:
    if stored is None:
        return Leave(note="Nothing is kept of it that could be revoked.")
    if stored.client.revoke_url is None:
        return Leave(note="The source has no address for revoking: revoke the access there.")
    if grant.attempts >= REVOKE_TRIES_MAX:
        return Leave(note="The source did not answer when it was told: revoke the access there.")
    return Revoke(stored=stored, token=stored.refresh_token or stored.access.value)


def due_after(stored: StoredGrant) -> datetime | None:
    """When a refresh is due: some minutes before expiry, or half-way where lives are short.

    A token that cannot be renewed is due when it expires; never, where it doesn't.
    """
    expires_at = stored.access.expires_at
    if expires_at is None:
        return stored.answered_at + UNTOLD_LIFE / 2 if stored.refresh_token else None
    if stored.refresh_token is None:
        return expires_at
    return expires_at - min(MARGIN_MAX, (expires_at - stored.answered_at) / 2)


def back_off_s(attempts: int, asked_s: float | None) -> float:
    """Seconds until the next try, after so many that failed before this one."""
    growing = BACK_OFF_FIRST_S * 2.0 ** min(attempts, 10)
    return max(min(growing, BACK_OFF_MAX_S), min(asked_s or 0.0, 4 * BACK_OFF_MAX_S))


OpenEndpoint = Callable[[OAuthClient], AbstractContextManager[TokenEndpoint]]


def endpoints(clock: Clock) -> OpenEndpoint:
    """Opens the real ones."""

    @contextmanager
    def open_endpoint(client: OAuthClient) -> Iterator[TokenEndpoint]:
        with open_http() as http:
            yield TokenEndpoint(client, http, clock)

    return open_endpoint


@contextmanager
def refreshing(database: Database, connection_id: str, *, wait_s: float) -> Iterator[None]:
    """Hold the lock of a connection's tokens: not that of its syncs, which may take hours."""
    with database.connection_lock(f"tokens of {connection_id}", wait_s=wait_s):
        yield


def hand_out(database: Database, secrets: SecretWriter, grant: Grant, stored: StoredGrant) -> None:
    """After this runs have the access token, and the database knows until when."""
    secrets.put(token_reference(grant.scope), stored.access.to_values())
    with database.control() as session:
        record_token(
            session,
            grant.id,
            serial=stored.serial,
            answered_at=stored.answered_at,
            expires_at=stored.access.expires_at,
            due_at=due_after(stored),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresher:
    """The only one who reads grants; ``writer`` writes them, and the tokens of runs."""

    database: Database
    reader: SecretReader
    writer: SecretWriter
    open_endpoint: OpenEndpoint
    clock: Clock
    sleep: Callable[[float], None] = time.sleep

    def turn(self) -> Counter[Outcome]:
        """Whatever is due now is done, or has a later time; how many ended how."""
        outcomes: Counter[Outcome] = Counter()
        now = self.clock.now()
        seen: set[str] = set()
        while True:
            with self.database.control() as session:
                due = due_grants(session, now=now, limit=DUE_MAX)
            fresh = [grant_id for grant_id in due if grant_id not in seen]
            if not fresh:
                return outcomes
            seen.update(fresh)
            outcomes.update(self._settle(grant_id) for grant_id in fresh)

    def _settle(self, grant_id: str) -> Outcome:
        with self.database.control() as session:
            connection_id = read_grant(session, grant_id).scope.connection
        with ExitStack() as held:
            try:
                held.enter_context(refreshing(self.database, connection_id, wait_s=0))
            except RetryLaterError:
                return Outcome.NOTHING
            with self.database.control() as session:
                grant = read_grant(session, grant_id)
            outcome = self._try(grant)
        log.info("grant_settled", grant=grant.id, connection=connection_id, outcome=str(outcome))
        return outcome

    def _try(self, grant: Grant) -> Outcome:
        try:
            return self._carry_out(grant)
        except (RetryLaterError, TenantActionError, RefusedError) as error:
            # The last two are the secret store's: a right that we lack is no fault of the grant.
            asked_s = error.retry_after_s if isinstance(error, RetryLaterError) else None
            wait_s = back_off_s(grant.attempts, asked_s)
            due_at = self.clock.now() + timedelta(seconds=wait_s)
            with self.database.control() as session:
                record_later(session, grant, due_at=due_at, note=str(error))
            log.warning("grant_waits", grant=grant.id, seconds=wait_s, reason=str(error))
            return Outcome.LATER

    def _carry_out(self, grant: Grant) -> Outcome:
        stored = StoredGrant.from_values(self.reader.get(grant.reference))
        step = plan_step(grant, stored, self.clock.now())
        match step:
            case HandOut():
                hand_out(self.database, self.writer, grant, step.stored)
                return Outcome.REFRESHED
            case Refresh():
                return self._refresh(grant, step)
            case Revoke():
                return self._revoke(grant, step)
            case Leave():
                return self._leave(grant, step.note)
            case Refuse():
                return self._refuse(grant, step.sentence)
            case Nothing():
                return Outcome.NOTHING
            case _:
                assert_never(step)

    def _refresh(self, grant: Grant, step: Refresh) -> Outcome:
        stored = step.stored
        self.writer.put(grant.reference, stored.sent(self.clock.now()).to_values())
        with self.open_endpoint(stored.client) as endpoint:
            answer = endpoint.refresh(step.token)
        match answer:
            case Issued():
                renewed = stored.renewed(answer)
                self._write_down(grant, renewed)
                hand_out(self.database, self.writer, grant, renewed)
                return Outcome.REFRESHED
            case Refused():
                sentence = refresh_failure(answer.error, grant.handle, sent_at=stored.sent_at)
                return self._refuse(grant, sentence)
            case _:
                assert_never(answer)

    def _write_down(self, grant: Grant, renewed: StoredGrant) -> None:
        """The new refresh token is nowhere else: a store that stumbles is asked again."""
        wait_s = WRITE_WAIT_FIRST_S
        for _ in range(WRITE_TRIES - 1):
            try:
                self.writer.put(grant.reference, renewed.to_values())
            except RetryLaterError:
                self.sleep(wait_s)
                wait_s *= 2
            else:
                return
        self.writer.put(grant.reference, renewed.to_values())

    def _revoke(self, grant: Grant, step: Revoke) -> Outcome:
        with self.open_endpoint(step.stored.client) as endpoint:
            refused = endpoint.revoke(step.token)
        if refused is not None:
            return self._leave(
                grant, f"The source refused to revoke ({refused.error}): revoke the access there."
            )
        with self.database.control() as session:
            record_revoked(session, grant, now=self.clock.now())
        self.writer.put(grant.reference, {})
        return Outcome.REVOKED

    def _leave(self, grant: Grant, note: str) -> Outcome:
        self.writer.put(grant.reference, {})
        with self.database.control() as session:
            record_left(session, grant, now=self.clock.now(), note=note)
        return Outcome.LEFT

    def _refuse(self, grant: Grant, sentence: str) -> Outcome:
        with self.database.control() as session:
            record_refused(session, grant, now=self.clock.now(), sentence=sentence)
        self.writer.put(grant.reference, {})
        return Outcome.REFUSED
