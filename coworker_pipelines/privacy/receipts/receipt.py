"""What a receipt says, and the line that it is exported as."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Self

import orjson

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.receipts.canonical import canonical

FORMAT: Final = "coworker-receipt/1"
BEGINNING: Final = "0" * 64
"""What the first receipt names in the place of a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempt:
    """What was left, why, and until when; ``until`` is empty where nobody can say yet."""

    what: str
    why: str
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an order did, as its receipt will say. ``registry`` is the registry's digest.

    ``commitment`` ties an erasure to its person (``receipts.commitment``). Erased data cannot be
    read since ``unreadable_since``, and is in no file any more since ``bytes_gone_since``.
    """

    order_id: str
    kind: str
    extent: Extent
    requested_at: datetime
    confirmed_at: datetime
    outcomes: tuple[TargetOutcome, ...]
    exemptions: tuple[Exempt, ...] = ()
    unreadable_since: datetime | None = None
    bytes_gone_since: datetime | None = None
    registry: str
    commitment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """``body`` is canonical JSON, ``signature`` that of its bytes."""

    number: int
    body: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """What the next receipt names."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(self.body)
        return content

    def line(self) -> bytes:
        """As it is exported: canonical JSON on one line."""
        return canonical({"body": self.content, "signature": self.signature.hex()}) + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        """What ``line`` wrote.

        Raises:
            ValueError: the line is another, be it by one byte.
        """
        content = orjson.loads(line)
        body, signature = canonical(content["body"]), bytes.fromhex(content["signature"])
        receipt = cls(number=int(content["body"]["number"]), body=body, signature=signature)
        if receipt.line() != line:
            raise ValueError("not canonical")
        return receipt


def body_of(
    statement: Statement,
    *,
    number: int,
    previous: str,
    issued_at: datetime,
    backups_until: datetime | None,
    code: str,
    key: str,
) -> bytes:
    """The bytes that are signed.

    Raises:
        DefectError: a place reported survivors, so there is nothing to give a receipt for.
    """
    survivors = sorted(one.target for one in statement.outcomes if one.has_survivors)
    if survivors:
        raise DefectError(f"A receipt was asked for, and data is left in: {', '.join(survivors)}.")
    return canonical(
        {
            "format": FORMAT,
            "number": number,
            "previous": previous,
            "key": key,
            "issued_at": _text(issued_at),
            "order": {
                "id": statement.order_id,
                "kind": str(statement.kind),
                "requested_at": _text(statement.requested_at),
                "confirmed_at": _text(statement.confirmed_at),
            },
            "extent": {
                "tenant": statement.extent.tenant,
                "connection": statement.extent.connection,
                "stream": statement.extent.stream,
            },
            "targets": [_outcome(one) for one in statement.outcomes],
            "exemptions": [_exempt(one) for one in statement.exemptions],
            "unreadable_since": _text(statement.unreadable_since),
            "bytes_gone_since": _text(statement.bytes_gone_since),
            "backups": _backups(backups_until),
            "registry": statement.registry,
            "code": code,
            "commitment": statement.commitment,
        }
    )


def _outcome(outcome: TargetOutcome) -> Mapping[str, Any]:
    return {
        "target": outcome.target,
        "method": outcome.method,
        "matched": outcome.matched,
        "deleted": outcome.deleted,
        "masked": outcome.masked,
        "left_first": outcome.left_first,
        "left_second": outcome.left_second,
        "began_at": _text(outcome.began_at),
        "ended_at": _text(outcome.ended_at),
    }


def _exempt(exempt: Exempt) -> Mapping[str, Any]:
    until = None if exempt.until is None else exempt.until.isoformat()[: len("YYYY-MM-DD")]
    return {"what": exempt.what, "why": exempt.why, "until": until}


def _backups(until: datetime | None) -> Mapping[str, Any]:
    """Backups are not opened for one order; what they hold is removed again before it is served."""
    return {"kept_until": _text(until), "replayed_on_restore": True}


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise DefectError("A receipt was to name a time without its zone.")
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
