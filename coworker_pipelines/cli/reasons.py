"""Raw data is shown for a reason, and only after it was recorded who looks and why."""

import sys
from typing import Annotated

import typer

from coworker_pipelines.access.readings import Reading, checked_reason
from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.reading import Reading as Stored
from coworker_pipelines.cli.opening import operator
from coworker_pipelines.kernel.errors import TenantActionError

Reason = Annotated[
    str | None,
    typer.Option(
        help="What you need to see it for. It is recorded with your name: "
        "`coworker access readings`."
    ),
]


def asked_reason(reason: str | None, *, as_json: bool = False) -> str:
    """The reason that was given, or what a person answers.

    Raises:
        TenantActionError: none was given, and there is nobody to ask.
        RefusedError: it says nothing.
    """
    if reason is None:
        if as_json or not sys.stdin.isatty():
            raise TenantActionError(
                "Raw data is shown for a reason only, and each look is recorded: give --reason."
            )
        reason = typer.prompt("What do you need to see it for? This is recorded", err=True)
    return checked_reason(reason)


def record(
    platform: Platform,
    stored: Stored,
    *,
    command: str,
    reason: str,
    stream: str | None = None,
    key: str | None = None,
    documents: int = 1,
) -> None:
    """After this the look is on record; only then may anything be shown."""
    stored.readings.record(
        Reading(
            command=command,
            stream=stream,
            key=key,
            documents=documents,
            reader=operator(),
            reason=reason,
        ),
        now=platform.clock.now(),
    )
