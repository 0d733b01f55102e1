"""What holds keep of a person: an order of its own, which goes on when its hold is released."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import Hold, keep_holds_still, standing_holds
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.privacy.erasure.sealed import Person, PersonKey
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import Exempted, exemption
from coworker_pipelines.privacy.orders import (
    ENDED,
    OrderKind,
    OrderState,
    extent_of,
    hold_back,
    request_order,
)
from coworker_pipelines.privacy.rows import Order
from coworker_pipelines.sdk.stream import IdentifierKind
from coworker_pipelines.secrets.cipher import Cipher


def exempted_by(holds: Iterable[Hold]) -> list[Exempted]:
    """What a receipt says of each."""
    return [exemption(hold) for hold in sorted(holds, key=lambda hold: hold.id)]


def keep_rest(
    session: Session,
    order: Order,
    person: Person,
    cipher: Cipher,
    *,
    holds: Iterable[Hold],
    clock: Clock,
) -> Order:
    """The order that erases what these holds kept, as soon as one of them is released.

    It knows the person, as long as there is something of theirs; the one that ends forgets them.
    """
    rest = request_order(
        session,
        kind=OrderKind.ERASURE,
        extent=extent_of(order),
        reason=order.reason,
        requested_by=order.requested_by,
        now=clock.now(),
    )
    rest.confirmed_by = order.confirmed_by
    rest.sealed = person.seal(cipher, rest.id)
    _wait(rest, holds, commitment=(order.reach or {}).get("commitment"), rest_of=order.id)
    return rest


def keep_restored_rest(
    session: Session,
    tenant: str,
    order_id: str,
    people: Iterable[str],
    cipher: Cipher,
    *,
    holds: Collection[Hold],
    clock: Clock,
) -> None:
    """The same in a restored copy, which may not know the order: by the person's keys alone.

    Where it knows the order as one that is not done, or the rest, there is nothing to make.

    Raises:
        RetryLaterError: one of these holds was released meanwhile.
    """
    keep_holds_still(session, tenant)
    if not set(holds) <= set(standing_holds(session, tenant)):
        raise RetryLaterError("A hold was released meanwhile.")
    if _goes_on(session, tenant, order_id):
        return
    rest = request_order(
        session,
        kind=OrderKind.ERASURE,
        extent=Extent(tenant=tenant),
        reason=f"what a hold kept from order {order_id}, which was done again after a restore",
        requested_by=f"order {order_id}",
        now=clock.now(),
    )
    # Of the person nothing else is known any more, nor needed: what is erased is found by keys.
    keys = tuple(
        PersonKey(key=key, kind=IdentifierKind.NAME, namespace="", value="") for key in people
    )
    rest.sealed = Person(identifiers=(), keys=keys).seal(cipher, rest.id)
    _wait(rest, holds, commitment=None, rest_of=order_id)


def note_exempt(order: Order, rest: Order, holds: Iterable[Hold]) -> None:
    """After this an order that is done says what it left, why, and which order has the rest."""
    left = exempted_by(holds)
    order.detail = f"{said(left)} The rest is order {rest.id}."
    order.reach = {"exempt": [_as_json(one) for one in left], "rest": rest.id}


def said(left: Iterable[Exempted]) -> str:
    """In one sentence for each; it names nobody."""
    return " ".join(f"Exempt until {one.until}: {one.what}, {one.why}." for one in left)


def _wait(rest: Order, holds: Iterable[Hold], *, commitment: str | None, rest_of: str) -> None:
    hold_back(
        rest,
        holds=[hold.id for hold in holds],
        reach={"commitment": commitment, "rest_of": rest_of},
        detail=f"It waits for the release of a hold: {said(exempted_by(holds))}",
    )


def _goes_on(session: Session, tenant: str, order_id: str) -> bool:
    """Whether what is left of the order is erased without another one."""
    order = session.get(Order, order_id)
    if order is not None and OrderState(order.state) not in ENDED:
        return True
    rests = select(Order.id).where(
        Order.tenant_id == tenant,
        Order.state == OrderState.HELD,
        Order.reach["rest_of"].astext == order_id,
    )
    return session.scalars(rests).first() is not None


def _as_json(one: Exempted) -> dict[str, Any]:
    return {"what": one.what, "why": one.why, "until": one.until.isoformat()}
