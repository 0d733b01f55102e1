"""What an order did to one place that held data."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOutcome:
    """``matched`` were found; each of them was ``deleted`` or ``masked``, or is left.

    ``left_first`` were counted right after, ``left_second`` once more when the longest
    writer's lease was over. ``method`` says in a few words how they went.
    """

    target: str
    method: str
    matched: int
    deleted: int
    masked: int
    left_first: int
    left_second: int
    began_at: datetime
    ended_at: datetime

    @property
    def has_survivors(self) -> bool:
        return self.left_first > 0 or self.left_second > 0
