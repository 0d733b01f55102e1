"""Python's own standard streams: for a program whose descriptors stay a terminal's."""

import codecs
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.stream import RedactedStream


@contextmanager
def redacted_text_streams(redactor: Redactor) -> Iterator[None]:
    """What Python prints inside is masked: output, tracebacks, warnings, errors that no one hears.

    Whatever else is asked of the streams, the former ones answer: a terminal stays a terminal.
    """
    former = (sys.stdout, sys.stderr)
    out, error = (_RedactedText(stream, redactor) for stream in former)
    sys.stdout, sys.stderr = out, error
    try:
        yield
    finally:
        sys.stdout, sys.stderr = former
        for stream in (out, error):
            stream.finish()


class _RedactedText:
    def __init__(self, inner: TextIO, redactor: Redactor) -> None:
        self._inner = inner
        self._stream = RedactedStream(redactor)
        self._decode: Callable[[bytes], str] = codecs.getincrementaldecoder("utf-8")(
            "replace"
        ).decode
        self._lock = threading.RLock()
        self._waiting: deque[str] = deque()
        self._is_writing = False

    def write(self, text: str) -> int:
        self._waiting.append(text)
        with self._lock:
            # A signal's handler or a finaliser may write while its own thread is writing: fed
            # there and then, its text would stand in the middle of what is being masked.
            if not self._is_writing:
                self._is_writing = True
                try:
                    self._write_waiting()
                finally:
                    self._is_writing = False
        return len(text)

    def _write_waiting(self) -> None:
        while self._waiting:
            self._show(self._stream.feed(self._waiting.popleft().encode("utf-8", "replace")))

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def finish(self) -> None:
        with self._lock:
            self._show(self._stream.finish())
            self._inner.flush()

    def _show(self, content: bytes) -> None:
        if content:
            self._inner.write(self._decode(content))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
