"""The balance: where every record that was read went."""

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers of records of one stream, over a segment, a window or a sync."""

    read: int = 0
    indexed: int = 0
    unchanged: int = 0
    rejected: int = 0
    suppressed: int = 0
    filtered: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            **{
                field.name: getattr(self, field.name) + getattr(other, field.name)
                for field in fields(self)
            }
        )

    @property
    def balanced(self) -> bool:
        """Whether every record that was read is accounted for."""
        return self.read == self.accounted

    @property
    def accounted(self) -> int:
        return self.indexed + self.unchanged + self.rejected + self.suppressed + self.filtered
