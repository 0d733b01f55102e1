"""How many requests may be under way: fewer when the cluster groans, more as it recovers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

RECOVERY_ANSWERS = 8
"""So many good answers in a row allow one more request at a time."""


class Pace:
    """Additive increase, multiplicative decrease, between 1 and ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = most
        self._under_way = 0
        self._good = 0
        self._changed = threading.Condition()

    @property
    def allowed(self) -> int:
        return self._allowed

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until one more request may be under way, and hold its place."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self._allowed)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def slow_down(self) -> None:
        with self._changed:
            self._allowed = max(1, self._allowed // 2)
            self._good = 0

    def go_on(self) -> None:
        with self._changed:
            self._good += 1
            if self._good >= RECOVERY_ANSWERS and self._allowed < self._most:
                self._allowed += 1
                self._good = 0
                self._changed.notify_all()
