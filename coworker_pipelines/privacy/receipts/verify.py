"""Verifying exported receipts with the public key alone: no database, no network."""

from dataclasses import dataclass
from itertools import pairwise

from coworker_pipelines.kernel.errors import DefectError, RefusedError
from coworker_pipelines.privacy.receipts.receipt import BEGINNING, FORMAT, Receipt
from coworker_pipelines.privacy.receipts.signing import PublicKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Receipts ``first`` to ``last``, each signed, each naming the one before.

    ``from_beginning``: the first of all is among them, so none is missing up to the last. Whether
    there are later ones, a file cannot tell: compare ``digest``, that of the last, with the
    deployment's own.
    """

    receipts: tuple[Receipt, ...]
    first: int
    last: int
    from_beginning: bool
    digest: str


def verify(export: bytes, keys: PublicKeys) -> Verified:
    """What was verified of an exported file.

    Raises:
        RefusedError: something does not fit; the sentence names the receipt and what it is.
    """
    if not export.endswith(b"\n"):
        raise RefusedError("The file holds no receipts, or ends in the middle of one.")
    lines = export.removesuffix(b"\n").split(b"\n")
    receipts = tuple(_verified(line, place, keys) for place, line in enumerate(lines, start=1))
    for before, receipt in pairwise(receipts):
        _require_follows(before, receipt)
    first = receipts[0]
    if (first.number == 1) != (first.content["previous"] == BEGINNING):
        raise RefusedError(f"Receipt {first.number} does not name what a first one names.")
    return Verified(
        receipts=receipts,
        first=first.number,
        last=receipts[-1].number,
        from_beginning=first.number == 1,
        digest=receipts[-1].digest,
    )


def _verified(line: bytes, place: int, keys: PublicKeys) -> Receipt:
    try:
        receipt = Receipt.of_line(line + b"\n")
        content = receipt.content
        key, form, targets = content["key"], content["format"], content["targets"]
    except (ValueError, TypeError, KeyError, AttributeError, DefectError) as error:
        raise RefusedError(f"Line {place} is no receipt: it was changed.") from error
    try:
        keys.verify(receipt.body, receipt.signature, str(key))
    except RefusedError as error:
        raise RefusedError(f"Receipt {receipt.number} {error}.") from error
    if form != FORMAT:
        raise RefusedError(f"Receipt {receipt.number} has a format that this version cannot read.")
    if any(one["left_first"] or one["left_second"] for one in targets):
        raise RefusedError(f"Receipt {receipt.number} says that data is left.")
    return receipt


def _require_follows(before: Receipt, receipt: Receipt) -> None:
    if receipt.number != before.number + 1:
        raise RefusedError(
            f"Behind receipt {before.number} stands {receipt.number}: one is missing or moved."
        )
    if receipt.content["previous"] != before.digest:
        raise RefusedError(
            f"Receipt {receipt.number} names another digest than that of receipt {before.number}."
        )
