"""What a materialisation says: the phase's numbers, of one stream or of many together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

if TYPE_CHECKING:  # its package imports every adapter
    from coworker_pipelines.syncs.result import PhaseResult

ROWS_MAX: Final = 200
"""Streams shown one by one; a connection with more shows its totals and these."""
_RATE: Final = "per second"

Plain = str | int | float | bool
Metadata = dict[str, Plain | MetadataValue]


def metadata_of(results: "Sequence[PhaseResult]", handle: str) -> Metadata:
    """The metadata of one asset in one window, and how to see what was rejected.

    One result is shown as it is. Of several, numbers are added up (rates are left out: they
    do not add) and a table shows each stream.
    """
    totals = _totals([result.metadata for result in results])
    way: Metadata = {}
    if totals.get("rejected"):
        way = {"rejected records": MetadataValue.md(f"`coworker rejected list {handle}`")}
    if len(results) == 1:
        return {**results[0].metadata, **way}
    return {"streams": len(results), **totals, **way, "by stream": _table(results)}


def _totals(parts: Sequence[Mapping[str, Plain]]) -> dict[str, Plain]:
    totals: dict[str, Plain] = {}
    for part in parts:
        for name, value in part.items():
            if isinstance(value, bool | str) or _RATE in name:
                continue
            total = totals.get(name, 0)
            assert not isinstance(total, str)
            totals[name] = round(total + value, 3)
    return totals


def _table(results: "Sequence[PhaseResult]") -> MetadataValue:
    names = list(dict.fromkeys(name for result in results for name in result.metadata))
    return MetadataValue.table(
        records=[
            TableRecord({"stream": result.stream, **_texts(result.metadata, names)})
            for result in results[:ROWS_MAX]
        ],
        schema=TableSchema(columns=[TableColumn(name) for name in ("stream", *names)]),
    )


def _texts(metadata: Mapping[str, Plain], names: Sequence[str]) -> dict[str, str]:
    return {name: str(metadata.get(name, "")) for name in names}
