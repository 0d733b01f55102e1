"""The manifest: which segments of one stream and window are closed, and what they carry."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

import orjson

from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.page import Cursor

FORMAT = 1
_FOREIGN = "A manifest has a format that this version does not read."


class WriteMode(StrEnum):
    """How Elasticsearch decides what is new."""

    VERSIONED = "versioned"
    """External version: an older or equal one is answered by 409 and counts as unchanged."""

    REWRITE = "rewrite"
    """External version, equal ones overwritten: the selection has grown since."""

    COMPARED = "compared"
    """No version: content hashes are read and equal ones left out."""

    CREATED = "created"
    """Never overwritten: what is there already is answered by 409 and counts as unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One closed segment.

    ``counts`` holds what extraction knows (read, rejected, suppressed, filtered);
    ``documents`` and ``deletions`` are the operations inside its ``blocks``; ``seconds`` went
    into making it; ``cursor`` is the one behind it.
    """

    name: str
    blocks: int
    documents: int
    deletions: int
    raw_bytes: int
    stored_bytes: int
    counts: Counts
    cursor: Cursor
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one extraction of a stream and window has closed so far.

    ``sync`` is written into every document of it, also by a run that goes on with it.
    ``suppression`` is the generation of the list that every segment was screened by, at least.
    ``since`` and ``until`` are the bounds of a run that was narrowed inside the window.
    ``finished`` says that the source had no more; ``snapshot_complete`` that a snapshot was
    read whole, so that what it did not show is gone.
    """

    stream: str
    window: Window
    sync: str
    selection: int
    epoch: int
    write_mode: WriteMode
    extracted_at: str
    suppression: int = 0
    since: str | None = None
    until: str | None = None
    segments: tuple[Segment, ...] = ()
    stored: int = 0
    finished: bool = False
    snapshot_complete: bool = False

    @property
    def cursor(self) -> Cursor | None:
        """The cursor behind the last closed segment."""
        return self.segments[-1].cursor if self.segments else None

    @property
    def moves_cursor(self) -> bool:
        """Whether the stream stands behind this read afterwards: not if it left out a beginning."""
        return self.since is None

    @property
    def covers_window(self) -> bool:
        return self.since is None and self.until is None

    def with_segment(self, segment: Segment) -> Self:
        return replace(self, segments=(*self.segments, segment))

    def to_json(self) -> bytes:
        content = {slot: getattr(self, slot) for slot in self.__dataclass_fields__}
        content["window"] = self.window.key
        return orjson.dumps({"format": FORMAT, **content}, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """What ``to_json`` wrote.

        Raises:
            DefectError: the text is of another format.
        """
        content = _content(text)
        if content.pop("format", None) != FORMAT:
            raise DefectError(_FOREIGN)
        content["window"] = Window.parse(content["window"])
        content["write_mode"] = WriteMode(content["write_mode"])
        content["segments"] = tuple(_segment(entry) for entry in content["segments"])
        return cls(**content)


def _content(text: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DefectError(_FOREIGN) from error
    if not isinstance(content, dict):
        raise DefectError(_FOREIGN)
    return content


def _segment(content: dict[str, Any]) -> Segment:
    return Segment(**{**content, "counts": Counts(**content["counts"])})
