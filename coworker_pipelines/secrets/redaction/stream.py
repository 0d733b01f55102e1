"""Masking what comes in parts, wherever a border cuts a value."""

from typing import Final

from coworker_pipelines.secrets.redaction.derived import VALUE_CHARACTERS_MIN
from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor, join_masked

_MASK: Final = MASK.encode()


class RedactedStream:
    """One stream of bytes: what goes in comes out masked, at once but for an open end.

    An open end is what could be the beginning of a value: it waits for what follows or for the
    end, however long that takes, because a value's first half gives as much away as its second.
    Ordinary text leaves a byte or two open, and a line's end none.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._open = b""
        self._ended_masked = False

    def feed(self, content: bytes) -> bytes:
        """What may be shown now."""
        finder = self._redactor.finder
        content = self._open + content
        cut = len(content) - finder.open_end(content)
        spans = finder.spans(content)
        for start, end in reversed(spans):
            if end <= cut:
                break
            cut = min(cut, start)
        self._open = content[cut:]
        return self._joined(content[:cut], [span for span in spans if span[1] <= cut])

    def finish(self) -> bytes:
        """What was held back; the beginning of a value is masked like the whole."""
        content, self._open = self._open, b""
        spans = self._redactor.finder.spans(content)
        opened = self._redactor.finder.open_end(content)
        if opened >= VALUE_CHARACTERS_MIN:
            start = len(content) - opened
            spans = [span for span in spans if span[0] < start]
            if spans and spans[-1][1] > start:
                start = spans.pop()[0]
            spans.append((start, len(content)))
        shown = self._joined(content, spans)
        self._ended_masked = False
        return shown

    def _joined(self, content: bytes, spans: list[tuple[int, int]]) -> bytes:
        if not content:
            return b""
        shown = join_masked(content, spans)
        if self._ended_masked and spans and spans[0][0] == 0:
            # Pieces of one value are one mask: their number would tell its length.
            shown = shown[len(_MASK) :]
        self._ended_masked = bool(spans) and spans[-1][1] == len(content)
        return shown
