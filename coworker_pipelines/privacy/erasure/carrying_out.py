"""Carrying out a confirmed erasure: keep out, take out, count, expunge, count again, and say so.

Nobody is shut out: a tenant goes on working while one person goes. So the person is kept out first,
and what a sync wrote that had read its list before then is found by the second count, for which
each connection's lock is taken once: a run that began before the order has ended by then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from elasticsearch import Elasticsearch
from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import Hold, keep_holds_still, standing_holds
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.expunging import Expunging
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.erasure.hands import Hands
from coworker_pipelines.privacy.erasure.holding import Holding
from coworker_pipelines.privacy.erasure.record import ErasureRecord, erased_outcomes
from coworker_pipelines.privacy.erasure.rests import exempted_by, keep_rest, note_exempt
from coworker_pipelines.privacy.erasure.sealed import Person
from coworker_pipelines.privacy.exemptions import Exempted, exempted
from coworker_pipelines.privacy.holds import Exempted as KeptUnderHold
from coworker_pipelines.privacy.names import ERASED_FIRST
from coworker_pipelines.privacy.order_record import Issue
from coworker_pipelines.privacy.orders import (
    ENDED,
    OrderKind,
    OrderState,
    begin_attempt,
    extent_of,
    find_order,
    finish_order,
)
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.journal import Journal
from coworker_pipelines.privacy.rows import Order
from coworker_pipelines.privacy.suppression.suppressions import SuppressionOrder, suppress
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.secrets.keys import MasterKey, TenantKeys
from coworker_pipelines.segments.root import SegmentRoot

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureWork:
    """With the rights to remove. Each phase may be done again, also after a kill in its middle."""

    database: Database
    client: Elasticsearch
    segments: SegmentRoot
    master: MasterKey
    journal: Journal
    issue: Issue
    clock: Clock
    sleep: Callable[[float], None]
    backup_days: int

    def carry_out(self, order_id: str) -> OrderState:
        """All phases, one after the other; the state in which the order is then.

        Raises:
            RetryLaterError: the order waits; it says what for.
        """
        self.keep_out(order_id)
        waits_for: list[RetryLaterError] = []
        for name in ERASED_FIRST:
            try:
                self.clear(order_id, name)
            except RetryLaterError as error:
                waits_for.append(error)
        self.expunge(order_id)
        if waits_for:
            raise waits_for[0]
        return self.settle(order_id)

    @property
    def record(self) -> ErasureRecord:
        return ErasureRecord(self.database, self.clock)

    def keep_out(self, order_id: str) -> None:
        """After this nothing of the person is taken in any more; nothing has been removed yet.

        Raises:
            RefusedError: the order is no erasure, or is not confirmed.
            RetryLaterError: somebody else is carrying it out, or the journal cannot be written.
        """
        with self.record.alone(order_id):
            with self.database.privacy() as session:
                order = _erasure(session, order_id)
                if order.state in ENDED:
                    return
                begin_attempt(order, now=self.clock.now())
            with self.database.privacy() as session:
                order = _erasure(session, order_id)
                person = self._person(session, order)
                self.journal.record(
                    session,
                    kind=EntryKind.ERASURE,
                    order_id=order.id,
                    tenant=order.tenant_id,
                    content={"people": sorted(person.key_texts)},
                    now=self.clock.now(),
                )
                self._suppress(session, order, people=person.key_texts)
            with self.record.waiting_for(order_id, "the journal"):
                self._publish()
        log.info("person_kept_out", order=order_id)

    def clear(self, order_id: str, name: str) -> dict[str, int]:
        """After this the place holds nothing of the person, as far as it did before.

        Raises:
            RetryLaterError: it could not be cleared or counted; the order waits, and says so.
        """
        if self._is_over(order_id):
            return {}
        with self.record.alone(order_id), self.record.waiting_for(order_id, name):
            self.record.began(order_id, name)
            holding = self._holdings(order_id)[name]
            holding.take_out(lambda taken: self.record.took(order_id, name, taken))
            left = holding.count()
            self.record.counted(order_id, name, left, again=False)
            self._note_unreadable(order_id)
            if left:
                raise RetryLaterError(f"{left} are there again.")
        return self.counts(order_id)

    def expunge(self, order_id: str) -> None:
        """After this no file of the cluster holds what was taken out so far.

        Raises:
            RetryLaterError: the cluster keeps deleted documents for longer.
        """
        if self._is_over(order_id):
            return
        with self.record.alone(order_id), self.record.waiting_for(order_id, "bytes"):
            touched = self.record.reach(order_id).get("touched", ())
            self.expunge_indices(touched)
            self.record.noted(order_id, bytes_gone_since=self.clock.now())

    def settle(self, order_id: str) -> OrderState:
        """Count again now that no run is left that began before; then the order is done.

        Raises:
            RetryLaterError: something is there again, or could not be counted: the order waits.
        """
        if self._is_over(order_id):
            return OrderState.DONE
        with self.record.alone(order_id):
            standing = self._standing(order_id)
            kept: set[Hold] = set()
            for name, holding in self._holdings(order_id).items():
                with self.record.waiting_for(order_id, name):
                    self._count_again(order_id, name, holding)
                    kept |= holding.kept()
            with self.record.waiting_for(order_id, "holds"):
                self._finish(order_id, standing, kept)
        return OrderState.DONE

    def counts(self, order_id: str) -> dict[str, int]:
        """How much was taken out of each place so far."""
        return self.record.counts(order_id)

    def _is_over(self, order_id: str) -> bool:
        with self.database.privacy() as session:
            return _erasure(session, order_id).state in ENDED

    def _note_unreadable(self, order_id: str) -> None:
        if "unreadable_since" in self.record.reach(order_id):
            return
        if self.record.is_unreadable(order_id):
            self.record.noted(order_id, unreadable_since=self.clock.now())

    def _count_again(self, order_id: str, name: str, holding: Holding) -> None:
        left = holding.count()
        if left:
            # A sync that had read the list before wrote once more. What it wrote has bytes, too.
            holding.take_out(lambda taken: self.record.took(order_id, name, taken))
            now = self.clock.now()
            touched = self.record.reach(order_id).get("touched", ())
            self.expunge_indices(touched)
            self.record.noted(order_id, unreadable_since=now, bytes_gone_since=self.clock.now())
            left = holding.count()
        self.record.counted(order_id, name, left, again=True)
        if left:
            raise RetryLaterError(f"{left} are there again.")

    def _standing(self, order_id: str) -> list[Hold]:
        with self.database.privacy() as session:
            return standing_holds(session, _erasure(session, order_id).tenant_id)

    def _finish(self, order_id: str, standing: list[Hold], kept: set[Hold]) -> None:
        """The receipt names what holds kept, and another order has it, in one transaction.

        Raises:
            RetryLaterError: a hold was placed or released since ``standing`` was read.
        """
        now = self.clock.now()
        with self.database.privacy() as session:
            tenant = find_order(session, order_id).tenant_id
            keep_holds_still(session, tenant)
            if standing_holds(session, tenant) != standing:
                raise RetryLaterError("A hold was placed or released meanwhile.")
            order = _erasure(session, order_id)
            if order.state in ENDED:
                return
            outcomes = erased_outcomes(session, order)
            exemptions: list[Exempted | KeptUnderHold] = [
                *exempted(backup_days=self.backup_days),
                *exempted_by(kept),
            ]
            self.issue(session, order, outcomes, exemptions, now)
            rest = self._keep_rest(session, order, kept) if kept else None
            finish_order(order, now=now)
            # What was shown before tells how many identifiers of which kind hang together.
            order.preview = None
            if rest is not None:
                note_exempt(order, rest, kept)
        log.info("erasure_done", order=order_id, holds=len(kept))
        self._publish()
        self.database.clear_away(("orders",))

    def _keep_rest(self, session: Session, order: Order, kept: set[Hold]) -> Order:
        cipher = Cipher(self._keys(session, order).data)
        person = Person.opened(order, cipher)
        return keep_rest(session, order, person, cipher, holds=kept, clock=self.clock)

    def _holdings(self, order_id: str) -> dict[str, Holding]:
        with self.database.privacy() as session:
            order = _erasure(session, order_id)
            person, tenant = self._person(session, order), order.tenant_id
        seen = _Scanned(self.record, order_id)
        return self.hands.at_each_place(
            tenant,
            person.key_texts,
            terms=person.terms,
            touching=lambda indices: self.record.touched(order_id, indices),
            keeping=lambda documents: self._keep_documents_out(order_id, documents),
            freed=lambda messages: self.record.freed(order_id, messages),
            scanned=seen.add,
        )

    @property
    def hands(self) -> Hands:
        return Hands(
            database=self.database,
            client=self.client,
            segments=self.segments,
            master=self.master,
            clock=self.clock,
        )

    def expunge_indices(self, indices: Sequence[str]) -> None:
        """After this the files of these indices hold nothing of what was deleted before."""
        Expunging(self.client, self.sleep).expunge(indices)

    def _keep_documents_out(self, order_id: str, documents: dict[str, frozenset[str]]) -> None:
        with self.database.privacy() as session:
            order = _erasure(session, order_id)
            self._suppress(session, order, documents=documents)
        self._publish()

    def _suppress(
        self,
        session: Session,
        order: Order,
        *,
        people: frozenset[str] = frozenset(),
        documents: dict[str, frozenset[str]] | None = None,
    ) -> None:
        suppression = SuppressionOrder(
            order_id=order.id,
            extent=extent_of(order),
            reason=order.reason,
            made_by=order.confirmed_by or order.requested_by,
            people=people,
            documents=documents or {},
        )
        suppress(session, self.journal, suppression, now=self.clock.now())

    def _publish(self) -> None:
        with self.database.privacy() as session:
            self.journal.publish(session)

    def _keys(self, session: Session, order: Order) -> TenantKeys:
        return tenant_keys(session, self.master, order.tenant_id)

    def _person(self, session: Session, order: Order) -> Person:
        return Person.opened(order, Cipher(self._keys(session, order).data))


class _Scanned:
    """Tells how far a deep scan is, from time to time."""

    EVERY: Final = 10_000

    def __init__(self, record: ErasureRecord, order_id: str) -> None:
        self._record = record
        self._order_id = order_id
        self._documents = self._told = 0

    def add(self, documents: int) -> None:
        self._documents += documents
        if self._documents - self._told >= self.EVERY or not self._told:
            self._told = self._documents
            self._record.scanned(self._order_id, self._documents)


def _erasure(session: Session, order_id: str) -> Order:
    order = find_order(session, order_id, lock=True)
    if order.kind != OrderKind.ERASURE:
        raise RefusedError(f"Order {order_id} is no erasure.")
    return order
