"""The life of an erasure up to its confirmation: asked for, looked at, and agreed to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from elasticsearch import Elasticsearch
from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import Hold, standing_holds
from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import find_across
from coworker_pipelines.documents.reader import matching
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.erasure.fate import Fates, count_deletes
from coworker_pipelines.privacy.erasure.identifying import Identifier
from coworker_pipelines.privacy.erasure.linking import given_keys, linked
from coworker_pipelines.privacy.erasure.places import Places, places_of
from coworker_pipelines.privacy.erasure.rests import exempted_by
from coworker_pipelines.privacy.erasure.sealed import Person, PersonKey
from coworker_pipelines.privacy.erasure.under_hold import UnderHold
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import Exempted
from coworker_pipelines.privacy.orders import (
    OrderKind,
    OrderState,
    confirm_order,
    find_order,
    record_preview,
    request_order,
)
from coworker_pipelines.privacy.receipts.commitment import commit
from coworker_pipelines.privacy.rows import Order
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.secrets.keys import MasterKey

log = get_logger(__name__)

REASON_CHARACTERS_MIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ErasurePreview:
    """Whose keys were found and how, and what would go. ``merges`` are to be agreed to.

    ``exempt`` are holds that keep a part, as they stand now.

    ``keys`` hold identifiers of a person: they are shown, and neither kept nor logged.
    """

    keys: Sequence[PersonKey]
    merges: Sequence[PersonKey]
    counts: dict[str, int]
    exempt: Sequence[Exempted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasures:
    """The control plane's half. Nothing is removed here."""

    database: Database
    client: Elasticsearch
    master: MasterKey
    clock: Clock

    def request(
        self, tenant: str, identifiers: tuple[Identifier, ...], *, reason: str, requested_by: str
    ) -> str:
        """The id of a new order for one person of the tenant, whose id is given.

        Raises:
            TenantActionError: an identifier's place is unknown, or no reason is given.
        """
        if len(reason.strip()) < REASON_CHARACTERS_MIN:
            raise TenantActionError("Say why: an erasure is asked for with a reason.")
        with self.database.control() as session:
            places, cipher = self._opened(session, tenant)
            person = Person(identifiers=identifiers, keys=given_keys(places, identifiers))
            order = request_order(
                session,
                kind=OrderKind.ERASURE,
                extent=Extent(tenant=tenant),
                reason=reason,
                requested_by=requested_by,
                now=self.clock.now(),
            )
            order.sealed = person.seal(cipher, order.id)
            return order.id

    def preview(self, order_id: str, *, leave_out: frozenset[int] = frozenset()) -> ErasurePreview:
        """Find the person's keys, and keep what was found; changes nothing of theirs.

        ``leave_out`` are numbers of keys in the preview before, of which somebody knows that they
        are another person's: no link goes through them any more.

        Raises:
            RefusedError: the order was confirmed already, or is over.
            TenantActionError: the links lead to more than one person can have.
        """
        with self.database.control() as session:
            order = _erasure(session, order_id)
            if order.state not in {OrderState.REQUESTED, OrderState.PREVIEWED}:
                raise RefusedError(f"Order {order_id} is {order.state}: it was looked at before.")
            places, cipher = self._opened(session, order.tenant_id)
            person = _without(Person.opened(order, cipher), leave_out)
        person = linked(self.client, places, person)
        counts, exempt = self._counts(places, person)
        with self.database.control() as session:
            order = _erasure(session, order_id, lock=True)
            order.sealed = person.seal(cipher, order.id)
            record_preview(order, {**_shown(person), "counts": counts}, now=self.clock.now())
        return ErasurePreview(
            keys=person.keys, merges=person.merges(), counts=counts, exempt=exempt
        )

    def confirm(self, order_id: str, *, typed: str, same_person: bool, confirmed_by: str) -> str:
        """After this the erasure is carried out; the salt of the receipt's commitment.

        ``typed`` is the tenant's short name. ``same_person`` is somebody's word that all keys
        are one person's. The salt is told here and kept nowhere.

        Raises:
            RefusedError: the name is another's; links lead to what may be a second person, and
                nobody said that it is not; or the order was not previewed lately, or the person
                has other keys now than were shown.
        """
        now = self.clock.now()
        with self.database.control() as session:
            order = _erasure(session, order_id, lock=True)
            places, cipher = self._opened(session, order.tenant_id)
            tenant = session.get_one(Tenant, order.tenant_id)
            if typed != tenant.slug:
                raise RefusedError("That is not the tenant's short name: write it out.")
            person = Person.opened(order, cipher)
            if person.merges() and not same_person:
                raise RefusedError(
                    "Links lead to more than one address, login or user id: look at the preview, "
                    "and leave out what is another person's, or say that all are the same person's."
                )
            current = linked(self.client, places, person)
            commitment = commit(person.values)
            confirm_order(
                order,
                current=_shown(current),
                reach={"commitment": commitment.digest},
                confirmed_by=confirmed_by,
                now=now,
            )
        log.info("erasure_confirmed", order=order_id)
        return commitment.salt

    def _opened(self, session: Session, tenant: str) -> tuple[Places, Cipher]:
        keys = tenant_keys(session, self.master, tenant)
        return places_of(session, tenant, keys.subject), Cipher(keys.data)

    def _counts(self, places: Places, person: Person) -> tuple[dict[str, int], list[Exempted]]:
        fates = Fates(person.key_texts, (), places.subject_key)
        with self.database.control() as session:
            holds = tuple(standing_holds(session, places.tenant))
        under = UnderHold(client=self.client, places=places, holds=holds)
        counts = dict.fromkeys(
            ("documents deleted", "documents masked", "activities freed", "left under holds"), 0
        )
        kept: set[Hold] = set()
        query = matching(None, None, sorted(person.key_texts))
        for page in find_across(self.client, names.tenant_pattern(places.tenant), query):
            free, found = under.sorted_out(page)
            kept |= set(found)
            own = [hit for hit in free if names.holds_documents(hit.index)]
            deleted = count_deletes(
                fates.of_document(hit, places.of_index(hit.index)) for hit in own
            )
            counts["documents deleted"] += deleted
            counts["documents masked"] += len(own) - deleted
            counts["activities freed"] += len(free) - len(own)
            counts["left under holds"] += len(found)
        return counts, exempted_by(kept)


def _without(person: Person, leave_out: frozenset[int]) -> Person:
    numbers = range(1, len(person.keys) + 1)
    unknown = leave_out - set(numbers)
    if unknown or any(person.keys[number - 1].is_given for number in leave_out):
        raise TenantActionError("Leave out by number what the last preview shows as found.")
    others = frozenset(person.keys[number - 1].key for number in leave_out)
    return replace(person, left_out=person.left_out | others)


def _shown(person: Person) -> dict[str, Any]:
    """What a preview is confirmed by; it holds no identifier and no value."""
    return {
        "keys": [
            {"kind": one.kind, "key": one.key, "by": one.by, "where": one.where}
            for one in sorted(person.keys, key=lambda one: one.key)
        ],
        "terms": len(person.terms),
    }


def _erasure(session: Session, order_id: str, *, lock: bool = False) -> Order:
    order = find_order(session, order_id, lock=lock)
    if order.kind != OrderKind.ERASURE:
        raise RefusedError(f"Order {order_id} is no erasure.")
    return order
