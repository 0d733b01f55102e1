"""The dispatcher: a turn over all that is due, tenant beside tenant."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import repeat
from typing import Final

from coworker_pipelines.automation.actions.types import ACTION_TYPES, Delivery
from coworker_pipelines.automation.dispatch.beginning import (
    LOST,
    Ended,
    begin_effect,
    begin_sending,
)
from coworker_pipelines.automation.dispatch.effects import DISPATCHED, EFFECTS, Effect
from coworker_pipelines.automation.dispatch.ending import DONE, end, ending_of, note_end
from coworker_pipelines.automation.dispatch.leasing import Leased, due_tenants, lease
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.egress.letters import Letter
from coworker_pipelines.automation.egress.sending import Arrival, Report, Sender
from coworker_pipelines.automation.outbox.states import Outcome
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.secrets.references import destination_reference
from coworker_pipelines.secrets.store import SecretReader

TURN: Final = timedelta(minutes=10)
TENANTS_AT_ONCE: Final = 4
PROMISES: Final = {name: found.delivery for name, found in ACTION_TYPES.items()}
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """``senders`` by the kind of destination; ``promises`` are those of the types of actions."""

    database: Database
    secrets: SecretReader
    senders: Mapping[DestinationKind, Sender]
    clock: Clock
    dice: Callable[[], float] = random.random
    promises: Mapping[str, Delivery] = field(default_factory=lambda: PROMISES)

    def turn(self) -> Counter[str]:
        """After this nothing that may be done now is left, or the turn's time is over.

        How many actions came to what. A turn that dies anywhere is gone on with by another one,
        when its leases are over.
        """
        ends_at = self.clock.now() + TURN
        with self.database.dispatch() as session:
            tenants = due_tenants(session, now=self.clock.now(), actions=DISPATCHED)
        total: Counter[str] = Counter()
        # A tenant whose receiver is slow keeps no other waiting.
        with ThreadPoolExecutor(TENANTS_AT_ONCE) as threads:
            for counted in threads.map(self._turn_for, tenants, repeat(ends_at)):
                total += counted
        return total

    def _turn_for(self, tenant: str, ends_at: datetime) -> Counter[str]:
        counted: Counter[str] = Counter()
        while self.clock.now() < ends_at:
            with self.database.dispatch() as session:
                batch = lease(
                    session,
                    tenant,
                    now=self.clock.now(),
                    actions=DISPATCHED,
                    promises=self.promises,
                )
            if not batch:
                break
            for action in batch:
                outcome = self._do(action)
                _log.info("action_tried", tenant=tenant, key=action.key, outcome=outcome)
                counted[outcome] += 1
        return counted

    def _do(self, action: Leased) -> str:
        effect = EFFECTS.get(action.action)
        return self._send(action) if effect is None else self._effect(action, effect)

    def _effect(self, action: Leased, effect: Effect) -> str:
        """It takes place and ends in one transaction: exactly once, or not at all."""
        with self.database.dispatch() as session:
            ended = begin_effect(session, action, now=self.clock.now())
            if ended is not None:
                return ended.outcome
            effect(session, action, self.clock.now())
            end(session, action, DONE, now=self.clock.now())
        return Outcome.DONE

    def _send(self, action: Leased) -> str:
        with self.database.dispatch() as session:
            begun = begin_sending(session, action, now=self.clock.now())
        if isinstance(begun, Ended):
            return begun.outcome
        report = self._report_of(begun)
        ending = ending_of(
            report,
            promise=self.promises[action.action],
            attempts=action.attempt,
            dice=self.dice,
        )
        with self.database.dispatch() as session:
            now = self.clock.now()
            is_ours = end(session, action, ending, now=now)
            note_end(session, action, ending, now=now)
        return ending.outcome if is_ours else LOST

    def _report_of(self, letter: Letter) -> Report:
        try:
            secrets = self.secrets.get(destination_reference(letter.tenant, letter.destination))
        except RetryLaterError:
            return Report(
                arrival=Arrival.NOT_SENT,
                detail="Its secrets cannot be read now; nothing was sent.",
            )
        except (TenantActionError, RefusedError):
            return Report(
                arrival=Arrival.REFUSED,
                detail="Its secrets cannot be read, and nothing was sent: authorise it anew.",
            )
        return self.senders[letter.kind].send(letter, secrets)
