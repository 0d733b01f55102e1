"""Moments at which a piece of work can be cut off, or something else can come between.

A moment is before and after each commit of our database, and behind each answer of Elasticsearch:
whatever a piece of work does to the world, it does between two of them. Nothing of the code under
test is changed for it: SQLAlchemy tells of its commits, and urllib3, which carries all requests,
of the answers.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from sqlalchemy import event
from sqlalchemy.orm import Session

Happening = Callable[[], None]
_ANSWERS: Final = logging.getLogger("urllib3.connectionpool")


class CutOffError(BaseException):
    """The process ends here: nobody handles it, as nobody handles a kill."""


def cut_off() -> None:
    raise CutOffError


class Instants:
    """Counts moments, from 1; at the one that was asked for, something happens, once."""

    def __init__(self) -> None:
        self._at = self._passed = 0
        self._happening: Happening | None = None
        self._lock = Lock()

    @contextmanager
    def happening(self, at: int, what: Happening) -> Iterator[None]:
        """``what`` happens at the moment of that number, if the block has so many; never at 0."""
        self._passed, self._at, self._happening = 0, at, what if at else None
        try:
            yield
        finally:
            self._happening = None

    def passed(self, *, is_open: bool) -> None:
        """A moment; ``is_open`` says that a transaction is: only what ends everything fits in."""
        with self._lock:
            self._passed += 1
            what = self._happening
            if what is None or self._passed < self._at or (is_open and what is not cut_off):
                return
            # From here on what happens passes moments of its own.
            self._happening = None
        what()


@contextmanager
def watched() -> Iterator[Instants]:
    """The moments of this process."""
    instants = Instants()

    def before(_: Session) -> None:
        instants.passed(is_open=True)

    def after(_: Session) -> None:
        instants.passed(is_open=False)

    handler = _AtAnswers(instants)
    level, propagates = _ANSWERS.level, _ANSWERS.propagate
    event.listen(Session, "before_commit", before)
    event.listen(Session, "after_commit", after)
    _ANSWERS.addHandler(handler)
    _ANSWERS.setLevel(logging.DEBUG)
    _ANSWERS.propagate = False
    try:
        yield instants
    finally:
        event.remove(Session, "before_commit", before)
        event.remove(Session, "after_commit", after)
        _ANSWERS.removeHandler(handler)
        _ANSWERS.setLevel(level)
        _ANSWERS.propagate = propagates


class _AtAnswers(logging.Handler):
    """A request was answered: what it asked for is done, and who asked does not know it yet."""

    def __init__(self, instants: Instants) -> None:
        super().__init__(logging.DEBUG)
        self._instants = instants

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith('%s://%s:%s "%s'):
            self._instants.passed(is_open=False)
