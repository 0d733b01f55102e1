"""What came back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from coworker_pipelines.kernel.errors import TenantActionError

NOT_MODIFIED: Final = 304
_LINK: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s;,=]+\s*=\s*(?:"[^"]*"|[^\s;,"]*))*)')
_RELATION: Final = re.compile(r'\brel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer. Header names are in small letters; nothing but the status is shown."""

    status: int
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def next_url(self) -> str | None:
        return links_in(self.headers.get("link", "")).get("next")

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")

    @property
    def date(self) -> datetime | None:
        """When the other side says it answered."""
        return http_date(self.headers.get("date", ""))

    @property
    def is_unchanged(self) -> bool:
        """The answer to a conditional request: what the caller has is what there is."""
        return self.status == NOT_MODIFIED

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            TenantActionError: it is none, so something else than the API answers there.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise TenantActionError(
                "What answers at the address of the source is no API: it does not send JSON."
            ) from error


def links_in(header: str) -> dict[str, str]:
    """Relation to address, from a ``Link`` header (RFC 8288); the first of a relation counts."""
    found: dict[str, str] = {}
    for link in _LINK.finditer(header):
        relation = _RELATION.search(link[2])
        if relation is not None:
            for name in (relation[1] or relation[2] or "").lower().split():
                found.setdefault(name, link[1])
    return found


def http_date(text: str) -> datetime | None:
    """A date as RFC 9110 writes it; ``None`` where the text is none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
