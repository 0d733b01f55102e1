"""What the rounds come to: medians, and ratios of figures that stood side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Final

import orjson

from tests.benchmarks.frame import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """``what`` is a sentence for people; both figures come from the same round."""

    key: str
    above: str
    below: str
    what: str


RATIOS: Final = (
    Ratio(
        key="documents_ratio_1kb",
        above="writer_1kb_documents_per_s",
        below="limit_1kb_documents_per_s",
        what="Writer against the node's limit, 1 kB",
    ),
    Ratio(
        key="documents_ratio_10kb",
        above="writer_10kb_documents_per_s",
        below="limit_10kb_documents_per_s",
        what="Writer against the node's limit, 10 kB",
    ),
    Ratio(
        key="end_to_end_ratio",
        above="end_to_end_documents_per_s",
        below="limit_1kb_documents_per_s",
        what="Source to documents against the node's limit",
    ),
    Ratio(
        key="vs_target_elasticsearch",
        above="end_to_end_documents_per_s",
        below="target_elasticsearch_documents_per_s",
        what="Source to documents against target-elasticsearch",
    ),
    Ratio(
        key="vs_dlt",
        above="end_to_end_documents_per_s",
        below="dlt_documents_per_s",
        what="Source to documents against dlt",
    ),
    Ratio(
        key="unchanged_ratio",
        above="unchanged_documents_per_s",
        below="end_to_end_documents_per_s",
        what="Unchanged documents against new ones",
    ),
    Ratio(
        key="tick_ratio",
        above="tick_many_ms",
        below="tick_few_ms",
        what="A tick among 10,000 connections against one among 10",
    ),
    Ratio(
        key="load_ratio",
        above="load_many_s",
        below="load_few_s",
        what="Loading with 10,000 connections against 10",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``rounds`` hold what each round measured; ``facts`` what it was measured on."""

    rounds: Sequence[Figures]
    facts: Mapping[str, int]

    @property
    def medians(self) -> dict[str, float]:
        return {
            name: _rounded(median(self._values(name)))
            for name in dict.fromkeys(chain.from_iterable(self.rounds))
        }

    @property
    def ratios(self) -> dict[str, float]:
        """Medians of the rounds' ratios; one whose two sides were not measured is missing."""
        found = {}
        for ratio in RATIOS:
            values = [
                figures[ratio.above] / figures[ratio.below]
                for figures in self.rounds
                if ratio.above in figures and ratio.below in figures
            ]
            if values:
                found[ratio.key] = round(median(values), 3)
        return found

    def spread(self, name: str) -> tuple[float, float]:
        """The lowest and the highest of the rounds."""
        values = self._values(name)
        return _rounded(min(values)), _rounded(max(values))

    def write(self, path: Path) -> None:
        """One flat JSON object: ratios, medians and facts."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {**self.ratios, **self.medians, **self.facts}
        path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")

    def _values(self, name: str) -> list[float]:
        return [figures[name] for figures in self.rounds if name in figures]


def _rounded(value: float) -> float:
    """Three places where they say something, none where they are noise."""
    return round(value) if abs(value) >= 1_000 else round(value, 3)
