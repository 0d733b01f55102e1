"""Asking a person for what must not stand in a command's arguments."""

import sys
from collections.abc import Iterator

import typer

from coworker_pipelines.kernel.errors import TenantActionError

LINES_MAX = 1_000


def asked_lines(question: str) -> list[str]:
    """Lines from a prompt, or from what is piped in; without those that are empty.

    Raises:
        TenantActionError: there was none, or more than a person has.
    """
    lines = [line for line in _lines(question) if line]
    if not lines:
        raise TenantActionError("Nothing was given: write one a line.")
    if len(lines) > LINES_MAX:
        raise TenantActionError(f"More than {LINES_MAX} lines were given.")
    return lines


def _lines(question: str) -> Iterator[str]:
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin)
        return
    typer.echo(question, err=True)
    while line := typer.prompt("", default="", show_default=False, err=True).strip():
        yield line
