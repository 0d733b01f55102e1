"""The result as a picture: documents a second, as bars."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from tests.benchmarks.result import Result

WIDTH: Final = 820
LABELS: Final = 320
ROW: Final = 34
TOP: Final = 78
BAR: Final = 20
VALUES: Final = 110
NOTE_LINE: Final = 18
OURS, OTHERS, LIMIT = "#1f6f5c", "#9aa5b1", "#d9dee3"
_BARS: Final = (
    ("limit_1kb_documents_per_s", "the node's limit (ready bytes)", LIMIT),
    ("writer_1kb_documents_per_s", "our writer (ready bytes)", OURS),
    ("end_to_end_documents_per_s", "our sync: database to documents", OURS),
    ("unchanged_documents_per_s", "our sync again, nothing changed", OURS),
    ("target_elasticsearch_documents_per_s", "target-elasticsearch 2.1.0", OTHERS),
    ("dlt_documents_per_s", "dlt 1.31.0 with helpers.bulk", OTHERS),
)
_STYLE: Final = (
    'role="img" aria-label="Documents a second" '
    'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" '
    'font-size="14" fill="#1b2733"'
)


def draw(result: Result) -> str:
    """An SVG of its own: no script, no font, no link. Nothing that was not measured is drawn."""
    medians = result.medians
    bars = [(label, medians[name], colour) for name, label, colour in _BARS if name in medians]
    notes = _notes(result)
    height = TOP + ROW * len(bars) + NOTE_LINE * (len(notes) + 1)
    size = f'width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height}" {_STYLE}>',
        f'<rect {size} fill="#ffffff"/>',
        '<text x="20" y="32" font-size="18" font-weight="600">Documents a second</text>',
        f'<text x="20" y="54" fill="#5b6875">{escape(_subtitle(result.facts))}</text>',
        *_drawn_bars(bars),
    ]
    below = TOP + ROW * len(bars) + NOTE_LINE // 2
    parts += [
        f'<text x="20" y="{below + NOTE_LINE * number}" font-size="13" fill="#5b6875">'
        f"{escape(note)}</text>"
        for number, note in enumerate(notes, start=1)
    ]
    return "\n".join([*parts, "</svg>", ""])


def _drawn_bars(bars: Sequence[tuple[str, float, str]]) -> list[str]:
    most = max((value for _, value, _ in bars), default=1.0)
    parts = []
    for number, (label, value, colour) in enumerate(bars):
        top = TOP + ROW * number
        baseline = top + BAR - 5
        length = max(1, round((WIDTH - LABELS - VALUES) * value / most))
        size = f'width="{length}" height="{BAR}"'
        parts += [
            f'<text x="{LABELS - 12}" y="{baseline}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LABELS}" y="{top}" {size} rx="3" fill="{colour}"/>',
            f'<text x="{LABELS + length + 8}" y="{baseline}" font-weight="600">{value:,.0f}</text>',
        ]
    return parts


def _subtitle(facts: Mapping[str, int]) -> str:
    return (
        f"1 kB documents, one Elasticsearch node and its client on {facts['cores']} cores; "
        f"medians of {facts['rounds']} rounds"
    )


def _notes(result: Result) -> list[str]:
    ratios, medians = result.ratios, result.medians
    notes = []
    if "dlt_documents_per_s" in medians or "target_elasticsearch_documents_per_s" in medians:
        notes.append("The other tools' start-up is subtracted; their index was made for them.")
    if "tick_ratio" in ratios:
        notes.append(
            f"A scheduling tick takes {medians['tick_few_ms']:.1f} ms with 10 connections, "
            f"{medians['tick_many_ms']:.1f} ms with 10,000."
        )
    if "load_ratio" in ratios:
        notes.append(
            f"Dagster's definitions load in {medians['load_few_s']:.1f} s with 10 connections, "
            f"{medians['load_many_s']:.1f} s with 10,000."
        )
    if "memory_growth_mib" in medians:
        notes.append(
            f"A sync of 1,000,000 documents takes {medians['memory_growth_mib']:.0f} MiB more "
            "memory than one of 100,000."
        )
    return notes
