"""What a person or a program reads: tables, JSON, one clear sentence for an error."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many rows at the most.")]

USAGE_STATUS = 2
"""The exit status of what a user can put right."""
FAULT_STATUS = 1

WIDTH_ELSEWHERE = 160
"""Where nobody looks (a pipe, a log), a table keeps its lines whole."""

console = Console(width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE)
errors = Console(stderr=True)


def show_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, none: str
) -> None:
    """A table of the columns, or all of the rows as a JSON array; ``none`` where there is none."""
    if as_json:
        show_json(list(rows))
        return
    if not rows:
        console.print(none)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row.get(column))) for column in columns))
    console.print(table)


def show_one(content: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing: a line for each of its properties."""
    if as_json:
        show_json(content)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in content.items():
        table.add_row(name, Text(cell(value)))
    console.print(table)


def show_json(content: Any) -> None:
    text = orjson.dumps(
        content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE, default=str
    )
    sys.stdout.write(text.decode())


def cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case dict() | list():
            return orjson.dumps(value, default=str).decode()
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)
