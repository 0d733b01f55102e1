"""A schedule: what happens to a small world, one thing after the other. Pure.

All of it follows from the seed, so a schedule that failed is played again by its number.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final


class What(StrEnum):
    """One thing that is done."""

    CHANGE = "the source changes"
    SYNC = "sync"
    AGAIN = "the last run is started again"
    BACKFILL = "backfill"
    PAUSE = "a sync begins and stands still"
    RESUME = "the sync that stood still goes on"
    PUT_ASIDE = "a record is rejected"
    RETRY = "rejected records are tried again"
    ERASE = "a person's erasure is confirmed"
    DELETE_STREAM = "a stream's deletion is confirmed"
    DELETE_CONNECTION = "a connection's deletion is confirmed"
    DELETE_TENANT = "a tenant's deletion is confirmed"
    CARRY_OUT = "an order is carried out"
    MAKE_ANEW = "what was deleted is made anew"


_WEIGHTS: Final = {
    What.CHANGE: 10,
    What.SYNC: 10,
    What.AGAIN: 5,
    What.BACKFILL: 4,
    What.PAUSE: 7,
    What.RESUME: 5,
    What.PUT_ASIDE: 5,
    What.RETRY: 5,
    What.ERASE: 10,
    What.DELETE_STREAM: 3,
    What.DELETE_CONNECTION: 2,
    What.DELETE_TENANT: 1,
    What.CARRY_OUT: 14,
    What.MAKE_ANEW: 5,
}
_OF_SYNCS: Final = frozenset({What.SYNC, What.AGAIN, What.BACKFILL, What.RESUME})
_CAN_BE_CUT: Final = _OF_SYNCS | {What.RETRY, What.CARRY_OUT}
_MEANWHILE: Final = (What.CHANGE, What.ERASE, What.PUT_ASIDE, What.CARRY_OUT)
"""What needs no lock that the interrupted work may hold."""
_TAKES_AWAY: Final = (
    What.ERASE,
    What.DELETE_STREAM,
    What.DELETE_CONNECTION,
    What.DELETE_TENANT,
)
_NEEDS: Final = {
    What.RESUME: frozenset({What.PAUSE}),
    What.RETRY: frozenset({What.PUT_ASIDE}),
    What.AGAIN: frozenset({What.SYNC, What.BACKFILL}),
    What.CARRY_OUT: frozenset(_TAKES_AWAY),
    What.MAKE_ANEW: frozenset({What.CARRY_OUT}),
}
OPERATIONS_MIN, OPERATIONS_MAX = 4, 9
STEPS_MAX: Final = 12
SYNCED_FIRST, CUT = 0.7, 0.45
"""How often something is stored before anything else happens; how often work is interrupted."""
MOMENTS: Final = {What.CARRY_OUT: 60, What.RETRY: 20}
"""Within so many of its moments an operation is cut; a sync has the most."""
MOMENTS_OF_A_SYNC: Final = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``which`` chooses among what is there then; ``steps`` is how far it goes, if not to its end.

    At its moment ``cut`` the operation is cut off, or stands still while ``meanwhile`` is done.
    """

    what: What
    which: int
    steps: int
    cut: int = 0
    meanwhile: "Operation | None" = None

    def __str__(self) -> str:
        text = f"{self.what} (which={self.which}, steps={self.steps})"
        if self.meanwhile is not None:
            return f"{text}, at moment {self.cut} meanwhile: {self.meanwhile}"
        return f"{text}, cut off at moment {self.cut}" if self.cut else text


def schedule(seed: int) -> list[Operation]:
    """What happens in the schedule of this number; something is always taken away."""
    chosen = Random(seed)
    found = [_operation(What.SYNC, chosen)] if chosen.random() < SYNCED_FIRST else []
    count = chosen.randint(OPERATIONS_MIN, OPERATIONS_MAX)
    taken_away = chosen.randrange(count)
    for number in range(count):
        weights = {what: weight for what, weight in _WEIGHTS.items() if _makes_sense(what, found)}
        if number == taken_away:
            weights = {what: weights[what] for what in _TAKES_AWAY}
        (what,) = chosen.choices(tuple(weights), tuple(weights.values()))
        found.append(_operation(what, chosen))
    return found


def _makes_sense(what: What, before: list[Operation]) -> bool:
    """Whether there may be anything to do it with: few operations shall be for nothing."""
    needed = _NEEDS.get(what)
    return needed is None or any(operation.what in needed for operation in before)


def _operation(what: What, chosen: Random) -> Operation:
    steps, which, at = chosen.randint(1, STEPS_MAX), _which(chosen), 0
    meanwhile = None
    if what in _CAN_BE_CUT and chosen.random() < CUT:
        at = chosen.randint(1, MOMENTS.get(what, MOMENTS_OF_A_SYNC))
        if what in _OF_SYNCS and chosen.random() < CUT:
            between = chosen.choice(_MEANWHILE)
            meanwhile = Operation(what=between, which=_which(chosen), steps=chosen.randint(1, 3))
    return Operation(what=what, which=which, steps=steps, cut=at, meanwhile=meanwhile)


def _which(chosen: Random) -> int:
    return chosen.randrange(1_000)
