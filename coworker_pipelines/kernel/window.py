"""The window: one calendar month (UTC), the time half of a partition."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from coworker_pipelines.kernel.errors import TenantActionError

_KEY = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])-01")
MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A month. It holds ``start_at`` and everything before ``end_at``."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """The window that holds an aware moment."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @classmethod
    def parse(cls, key: str) -> Self:
        """From ``YYYY-MM-01``.

        Raises:
            TenantActionError: the text is no window's key.
        """
        match = _KEY.fullmatch(key)
        if match is None or match[1] == "0000":
            raise TenantActionError(f"{key!r} is no window: write a month as YYYY-MM-01.")
        return cls(int(match[1]), int(match[2]))

    @property
    def key(self) -> str:
        return f"{self.year:04}-{self.month:02}-01"

    @property
    def start_at(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end_at(self) -> datetime:
        return self.next().start_at

    def next(self) -> "Window":
        """The month after."""
        return self.plus(1)

    def plus(self, months: int) -> "Window":
        """The window that many months later (or earlier, when negative)."""
        count = self.year * MONTHS_A_YEAR + self.month - 1 + months
        return Window(count // MONTHS_A_YEAR, count % MONTHS_A_YEAR + 1)

    def holds(self, moment: datetime) -> bool:
        return self.start_at <= moment < self.end_at

    def until(self, last: "Window") -> Iterator["Window"]:
        """This window and every later one up to ``last``, which is part of it."""
        window = self
        while window <= last:
            yield window
            window = window.next()
