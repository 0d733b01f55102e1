"""The result for a terminal."""

from rich.console import Console
from rich.table import Table

from tests.benchmarks.result import RATIOS, Result


def print_result(result: Result, console: Console) -> None:
    console.print(_ratios(result))
    console.print(_medians(result))


def _ratios(result: Result) -> Table:
    table = Table(title="Ratios (medians of each round's own)", title_justify="left")
    table.add_column("what")
    table.add_column("key", style="dim")
    table.add_column("ratio", justify="right", style="bold")
    found = result.ratios
    for ratio in RATIOS:
        if ratio.key in found:
            table.add_row(ratio.what, ratio.key, f"{found[ratio.key]:.2f}")
    return table


def _medians(result: Result) -> Table:
    facts = ", ".join(f"{name}: {value:,}" for name, value in result.facts.items())
    table = Table(title=f"Medians ({facts})", title_justify="left")
    for heading in ("figure", "median", "lowest", "highest"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, value in result.medians.items():
        table.add_row(name, *(f"{figure:,}" for figure in (value, *result.spread(name))))
    return table
