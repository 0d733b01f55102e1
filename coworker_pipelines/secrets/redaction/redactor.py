"""Which values are masked, and the mask."""

import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NoReturn

from ahocorasick_rs import BytesAhoCorasick

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.redaction.derived import VALUE_CHARACTERS_MIN, patterns_of

MASK: Final = "[redacted]"
"""Says neither which value it was nor how long."""
VALUES_MAX: Final = 20_000
VALUE_CHARACTERS_MAX: Final = 65_536
_MASK: Final = MASK.encode()
_START_BYTES: Final = 3
_HEAD_BYTES: Final = 12
LINE_BREAK: Final = re.compile(
    rb"[\s:,\0]*"
    rb"(?:[\r\n]|\\+[nr]|(?:\\+u00|\\+x|0x|%|%25)?0[adAD]|\\+01[25]|&#(?:x[adAD]|1[03]);)+"
    rb"[\s:,\0]*"
)

Span = tuple[int, int]


class Redactor:
    """Masks registered values, in every encoding, in whatever text passes. One for a process.

    It may be used from several threads. What is registered stays so while the process lives.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._values: set[str] = set()
        self._patterns: set[bytes] = set()
        self._finder: Finder | None = None
        self._listeners: list[Callable[[str], None]] = []

    def register(self, *values: Secret | str) -> None:
        """From now on these are masked: nobody has to see one before this returns.

        A value of less than ``VALUE_CHARACTERS_MIN`` characters is let be.

        Raises:
            RefusedError: there are too many, or one is too long, to be masked.
        """
        for value in values:
            text = value.get_secret_value() if isinstance(value, Secret) else value
            if len(text.strip()) >= VALUE_CHARACTERS_MIN:
                self._register(text)

    def register_login(self, user: str, password: Secret | str) -> None:
        """A password, and what HTTP's basic authentication makes of it and its user."""
        text = password.get_secret_value() if isinstance(password, Secret) else password
        self.register(text, f"{user}:{text}")

    def listen(self, listener: Callable[[str], None]) -> None:
        """Tell the listener each value, those that are known already at once."""
        with self._lock:
            for value in self._values:
                listener(value)
            self._listeners.append(listener)

    def dismiss(self, listener: Callable[[str], None]) -> None:
        with self._lock:
            self._listeners.remove(listener)

    def mask(self, text: str) -> str:
        content = text.encode("utf-8", "surrogatepass")
        masked = self.mask_bytes(content)
        return text if masked is content else masked.decode("utf-8", "replace")

    def mask_bytes(self, content: bytes) -> bytes:
        """The content itself where there is nothing to mask."""
        spans = self.finder.spans(content)
        return join_masked(content, spans) if spans else content

    @property
    def finder(self) -> "Finder":
        finder = self._finder
        if finder is None:
            with self._lock:
                finder = self._finder = self._finder or Finder(self._patterns)
        return finder

    def _register(self, value: str) -> None:
        with self._lock:
            if value in self._values:
                return
            if len(value) > VALUE_CHARACTERS_MAX:
                raise RefusedError(
                    f"A secret of more than {VALUE_CHARACTERS_MAX} characters cannot be kept out "
                    "of logs: give a shorter one."
                )
            if len(self._values) == VALUES_MAX:
                raise RefusedError(
                    f"This process has read {VALUES_MAX} secrets and can mask no more: restart it."
                )
            for listener in self._listeners:
                listener(value)
            self._patterns |= patterns_of(value)
            self._values.add(value)
            self._finder = None

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A redactor holds secrets and is not serialised.")


class Finder:
    """A set of patterns, ready to be found.

    The automaton knows their heads alone, and what follows a head is compared: so it is a
    twentieth of the size, stays in the processor's cache and is built in no time.
    """

    def __init__(self, patterns: Iterable[bytes]) -> None:
        self._patterns = sorted(patterns)
        heads = sorted({pattern[:_HEAD_BYTES] for pattern in self._patterns})
        self._automaton = BytesAhoCorasick(heads) if heads else None
        self._longest = max(map(len, self._patterns), default=0)
        self._starts = frozenset(pattern[:_START_BYTES] for pattern in self._patterns)

    def spans(self, content: bytes) -> list[Span]:
        """Where patterns stand: apart from each other, in order, none touching the next."""
        if self._automaton is None:
            return []
        heads = self._automaton.find_matches_as_indexes(content, overlapping=True)
        found = [
            (start, start + length)
            for _, start, _ in heads
            if (length := self._matched(content[start : start + self._longest]))
        ]
        return list(_united(content, found)) if found else []

    def _matched(self, text: bytes) -> int:
        """The length of the longest pattern that the text begins with; 0 if there is none."""
        while place := bisect_right(self._patterns, text):
            pattern = self._patterns[place - 1]
            if text.startswith(pattern):
                return len(pattern)
            text = text[: _common(pattern, text)]
        return 0

    def open_end(self, content: bytes) -> int:
        """How many bytes at the end are the beginning of a pattern that may go on."""
        for length in range(min(self._longest - 1, len(content)), 0, -1):
            tail = content[-length:]
            if length < _START_BYTES or tail[:_START_BYTES] in self._starts:
                place = bisect_left(self._patterns, tail)
                # Equal to one pattern, it may still be the beginning of the next.
                for pattern in self._patterns[place : place + 2]:
                    if len(pattern) > length and pattern.startswith(tail):
                        return length
        return 0


def _common(one: bytes, other: bytes) -> int:
    """How many bytes at the beginning are the same."""
    for length, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return length
    return min(len(one), len(other))


def join_masked(content: bytes, spans: Iterable[Span]) -> bytes:
    parts, done = [], 0
    for start, end in spans:
        parts += [content[done:start], _MASK]
        done = end
    return b"".join((*parts, content[done:]))


def _united(content: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """One span for those that touch, or that a break of lines parts, however it is written."""
    ordered = iter(sorted(spans))
    first, last = next(ordered)
    for start, end in ordered:
        if start > last and not LINE_BREAK.fullmatch(content, last, start):
            yield first, last
            first, last = start, end
        last = max(last, end)
    yield first, last
