"""What holds keep of a person: an order of its own, which goes on when its hold is released."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.privacy.erasure.sealed import Person
from coworker_pipelines.privacy.holds import Exempted, exemption
from coworker_pipelines.privacy.orders import OrderKind, extent_of, hold_back, request_order
from coworker_pipelines.privacy.rows import Order
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
    rest.sealed = person.seal(cipher, rest.id)
    rest.confirmed_by = order.confirmed_by
    hold_back(
        rest,
        holds=[hold.id for hold in holds],
        reach={"commitment": (order.reach or {}).get("commitment"), "rest_of": order.id},
        detail=f"It waits for the release of a hold: {said(exempted_by(holds))}",
    )
    return rest


def note_exempt(order: Order, rest: Order, holds: Iterable[Hold]) -> None:
    """After this an order that is done says what it left, why, and which order has the rest."""
    left = exempted_by(holds)
    order.detail = f"{said(left)} The rest is order {rest.id}."
    order.reach = {"exempt": [_as_json(one) for one in left], "rest": rest.id}


def said(left: Iterable[Exempted]) -> str:
    """In one sentence for each; it names nobody."""
    return " ".join(f"Exempt until {one.until}: {one.what}, {one.why}." for one in left)


def _as_json(one: Exempted) -> dict[str, Any]:
    return {"what": one.what, "why": one.why, "until": one.until.isoformat()}
