"""Log records: masked when somebody asks for their text, whichever handler or formatter it is."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

from coworker_pipelines.secrets.redaction.redactor import Redactor

ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)
DEPTH_MAX: Final = 10
"""Containers deeper than that are text: one may hold itself."""
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; whatever else it holds came with ``extra``."""


class RedactedError(Exception):
    """Stands for an exception whose text, or that of one in its chain, held a secret."""


@contextmanager
def redacted_log_records(redactor: Redactor) -> Iterator[None]:
    """All records that loggers make inside: their message, arguments, exceptions and extras."""

    class RedactedRecord(logging.LogRecord):
        """Every formatter asks for the message first, so everything is masked by then."""

        def getMessage(self) -> str:  # noqa: N802 - the library's own name
            message = super().getMessage()
            masked = redactor.mask(message)
            if masked != message:
                self.msg, self.args = masked, ()
            _mask_exception(self, redactor)
            _mask_extras(self, redactor)
            return masked

    former = logging.getLogRecordFactory()
    logging.setLogRecordFactory(RedactedRecord)
    try:
        yield
    finally:
        logging.setLogRecordFactory(former)


def _mask_exception(record: logging.LogRecord, redactor: Redactor) -> None:
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_info = redacted_exception(record.exc_info, redactor)
    for name in ("exc_text", "stack_info"):
        text = getattr(record, name)
        if text:
            setattr(record, name, redactor.mask(text))


def redacted_exception(info: ExceptionInfo, redactor: Redactor) -> ExceptionInfo:
    """The same where it says nothing secret; else one of ours that tells its whole story, masked.

    The story holds causes, contexts, groups and notes. The exceptions themselves stay as they
    are: whoever catches them needs them whole.
    """
    kind, error, trace = info
    if kind is None or error is None:
        return info
    story = "".join(traceback.format_exception(kind, error, trace))
    masked = redactor.mask(story)
    if masked == story:
        return info
    return RedactedError, RedactedError(f"\n{masked.rstrip()}"), None


def _mask_extras(record: logging.LogRecord, redactor: Redactor) -> None:
    for name, value in list(vars(record).items()):
        if name not in _OWN:
            vars(record)[name] = _masked(value, redactor, DEPTH_MAX)


def _masked(value: Any, redactor: Redactor, depth: int) -> Any:
    """The value, and what is in it if it is one of Python's own containers.

    Foreign objects stay: who put one there (Dagster its events) gets it back as it was, and what
    it says of itself is masked where it is written or stored.
    """

    def inside(inner: Any) -> Any:
        return _masked(inner, redactor, depth - 1)

    match value:
        case str():
            return redactor.mask(value)
        case bytes():
            return redactor.mask_bytes(value)
        case dict() | list() | tuple() if depth == 0:
            return redactor.mask(str(value))
        case dict():
            return {inside(key): inside(content) for key, content in value.items()}
        case list():
            return [inside(content) for content in value]
        case tuple() if type(value) is tuple:
            return tuple(inside(content) for content in value)
        case BaseException():
            return redacted_exception((type(value), value, None), redactor)[1]
        case _:
            return value
