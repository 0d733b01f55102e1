"""Blocks that were prepared before somebody was erased, screened again before they are stored."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import orjson

from coworker_pipelines.extraction.payload import content_hash_of
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.segments.block import Block

_DELETE: Final = b'{"delete"'


class _Document(NamedTuple):
    line: bytes
    key: str
    content_hash: str


def rescreened(block: Block, screen: Screen) -> tuple[Block, int]:
    """The block without documents that are not taken in any more, and how many those were.

    A document that only mentions somebody stays, with the mention masked: byte for byte what
    preparing its record now would make of it.
    """
    lines: list[bytes] = []
    documents: list[_Document] = []
    operations = left_out = 0
    for action, line in _operations(block.body):
        operations += 1
        if not line:
            lines.append(action)
            continue
        document = _screened(line, screen)
        if document is None:
            left_out += 1
            continue
        documents.append(document)
        lines += (action, document.line)
    return _block(block, lines, documents, operations - left_out), left_out


def _operations(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """An action's line and its document's; a delete has none."""
    lines = iter(body.removesuffix(b"\n").split(b"\n") if body else ())
    for action in lines:
        yield action, b"" if action.startswith(_DELETE) else next(lines)


def _screened(line: bytes, screen: Screen) -> _Document | None:
    """The document as it is taken in now; ``None`` if it is not."""
    envelope = orjson.loads(line)
    if screen.leaves_out_stored(envelope["payload"], envelope["key"]):
        return None
    if not screen.names_any(envelope["subject_keys"]):
        return _Document(line, envelope["key"], envelope["content_hash"])
    screened = screen.screened(orjson.dumps(envelope["payload"]))
    if screened is None:
        return None
    envelope["content_hash"] = content_hash_of(screened.payload)
    envelope["subject_keys"] = screened.people.keys
    envelope["payload"] = orjson.Fragment(screened.payload)
    return _Document(orjson.dumps(envelope), envelope["key"], envelope["content_hash"])


def _block(block: Block, lines: list[bytes], documents: list[_Document], operations: int) -> Block:
    """Its header tells keys and hashes where it did before."""
    body = b"".join(line + b"\n" for line in lines)
    compared = documents if block.header.keys else ()
    header = replace(
        block.header,
        operations=operations,
        raw_bytes=len(body),
        keys=tuple(one.key for one in compared),
        content_hashes=tuple(one.content_hash for one in compared),
    )
    return Block(header=header, body=body)
