"""Git's objects as text: commits and tags, whatever their bytes. Pure."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from coworker_pipelines.sdk.page import Record

MESSAGE_CHARACTERS_MAX: Final = 2**20
"""A longer message is cut, and its record says ``truncated``."""
SECONDS_MAX: Final = 253_402_300_799
"""The last second of the year 9999."""
OFFSET_DIGITS: Final = 4

_TIME = re.compile(rb"\s*(\d+)(?:\s+([+-]\d+))?\s*")
# Names of encodings are a stranger's input, and some of Python's codecs are no encodings.
_ENCODING = re.compile(
    r"(iso[-_]?8859[-_]?\d{1,2}|latin[-_]?\d{1,2}|(windows[-_]?|cp)\d{3,4}|koi8[-_][rut]"
    r"|euc[-_](jp|kr|cn)|s(hift)?[-_]?jis|gbk|gb2312|gb18030|big5|iso[-_]?2022[-_]jp|us-ascii)",
    re.IGNORECASE,
)


def moment(seconds: int) -> str:
    """RFC 3339 in UTC, to the second.

    A time that git could not read (it says 0) or that no calendar has is the first of 1970:
    so every commit belongs to one window.
    """
    if not 0 <= seconds <= SECONDS_MAX:
        seconds = 0
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}Z"


def commit_record(sha: str, seconds: int, content: bytes) -> Record:
    """The fields that a commit's own bytes tell; ``seconds`` is git's reading of its date."""
    headers, message = _parts(content)
    encoding = _first(headers, b"encoding")
    message_text, truncated = _message(message, encoding)
    author = _identity(_first(headers, b"author"), encoding)
    committer = _identity(_first(headers, b"committer"), encoding)
    return {
        "sha": sha,
        "author_name": author[0],
        "author_email": author[1],
        "authored_at": author[2],
        "author_offset_minutes": author[3],
        "committer_name": committer[0],
        "committer_email": committer[1],
        "committed_at": moment(seconds),
        "committer_offset_minutes": committer[3],
        "message": message_text,
        "parents": [text_of(value) for name, value in headers if name == b"parent"],
        "truncated": truncated,
    }


def tag_record(name: str, sha: str, content: bytes | None) -> Record:
    """The fields that a tag tells; a lightweight one has no ``content``."""
    record: Record = {
        "name": name,
        "sha": sha,
        "tagger_name": None,
        "tagger_email": None,
        "message": None,
        "tagged_at": None,
        "tagger_offset_minutes": None,
        "truncated": False,
    }
    if content is not None:
        headers, message = _parts(content)
        encoding = _first(headers, b"encoding")
        record["message"], record["truncated"] = _message(message, encoding)
        tagger = _first(headers, b"tagger")
        if tagger is not None:
            identity = _identity(tagger, encoding)
            record["tagger_name"], record["tagger_email"] = identity[:2]
            record["tagged_at"], record["tagger_offset_minutes"] = identity[2:]
    return record


def text_of(content: bytes, encoding: bytes | None = None) -> str:
    """UTF-8, or the encoding that the object names, or else each byte as one character.

    The last (Latin-1) never fails and loses nothing.
    """
    try:
        name = (encoding or b"utf-8").decode("ascii", "replace")
        text = content.decode(name if _ENCODING.fullmatch(name) else "utf-8")
        text.encode()
    except (UnicodeError, LookupError):
        return content.decode("latin-1")
    return text


def _parts(content: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers in their order, and the message. Continued lines (signatures) are left out."""
    head, _, message = content.partition(b"\n\n")
    headers = []
    for line in head.split(b"\n"):
        if not line.startswith(b" "):
            name, _, value = line.partition(b" ")
            headers.append((name, value))
    return headers, message


def _first(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    for name, value in headers:
        if name == wanted:
            return value
    return None


def _message(content: bytes, encoding: bytes | None) -> tuple[str, bool]:
    text = text_of(content, encoding)
    return text[:MESSAGE_CHARACTERS_MAX], len(text) > MESSAGE_CHARACTERS_MAX


def _identity(value: bytes | None, encoding: bytes | None) -> tuple[Any, Any, Any, Any]:
    """Name, e-mail, time and offset in minutes, each ``None`` where it can't be read."""
    if value is None:
        return None, None, None, None
    name, _, rest = value.partition(b"<")
    email = rest.partition(b">")[0]
    time = _TIME.fullmatch(value.rpartition(b">")[2])
    return (
        text_of(name.strip(), encoding),
        text_of(email.strip(), encoding),
        None if time is None else _readable(int(time[1][:20])),
        None if time is None else _offset(time[2]),
    )


def _readable(seconds: int) -> str | None:
    return moment(seconds) if seconds <= SECONDS_MAX else None


def _offset(text: bytes | None) -> int | None:
    if text is None or len(text) != OFFSET_DIGITS + 1:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return -minutes if text[:1] == b"-" else minutes
