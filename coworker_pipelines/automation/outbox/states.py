"""What can be true of an action, and what has become of trying it."""

from enum import StrEnum
from typing import Final


class ActionState(StrEnum):
    READY = "ready"
    LEASED = "leased"
    """Somebody does it; after ``next_at`` he is taken for dead."""
    DONE = "done"
    WAITING_FOR_PERSON = "waiting_for_person"
    """Nobody knows whether it took place, and to do it twice is worse than to ask."""
    DEAD = "dead"
    """It was tried as often as it may, or can never succeed as things are."""
    STOPPED = "stopped"
    """It is not done any more: a person said so, or whom it was about was erased."""


ENDED: Final = frozenset({ActionState.DONE, ActionState.STOPPED})
NEEDS_A_PERSON: Final = frozenset({ActionState.WAITING_FOR_PERSON, ActionState.DEAD})


class Outcome(StrEnum):
    """What the last attempt came to, or what keeps an action from being tried."""

    DONE = "done"
    BEGUN = "begun"
    """It went out, and nobody has noted what came of it."""
    FAILED = "failed"
    """For now: the other side is not there, or asks for patience."""
    REFUSED = "refused"
    """The other side says no, or a control of ours does."""
    UNKNOWN = "unknown"
    """It may have taken place."""
    KILL_SWITCH = "kill_switch"
    HOURLY_LIMIT = "hourly_limit"
    FIRST_RUN_LIMIT = "first_run_limit"
    DISCARDED = "discarded"
    """A person decided that it is not to be done."""
    ERASED = "erased"
