"""Raw data is shown for a reason, and only after it was recorded who looks and why.

What lies under a hold is stored and nothing else: who has to look at it all the same says so.
"""

import sys
from typing import Annotated

import typer

from coworker_pipelines.access.readings import Reading, checked_reason
from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.reading import Reading as Stored
from coworker_pipelines.cli.opening import operator
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import holds_over

Reason = Annotated[
    str | None,
    typer.Option(
        help="What you need to see it for. It is recorded with your name: "
        "`coworker access readings`."
    ),
]


UnderHold = Annotated[
    bool,
    typer.Option(
        "--under-hold", help="Look at it although a hold lies over it. That is recorded, too."
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
    under_hold: bool,
    stream: str | None = None,
    key: str | None = None,
    documents: int = 1,
) -> None:
    """After this the look is on record; only then may anything be shown.

    Raises:
        RefusedError: a hold lies over it, and nobody said that it is to be looked at all the same.
    """
    scope = stored.scope
    extent = Extent(tenant=scope.tenant, connection=scope.connection, stream=stream)
    with platform.database.control() as session:
        holds = tuple(hold.id for hold in holds_over(session, extent))
    if holds and not under_hold:
        _ask_about(holds)
    stored.readings.record(
        Reading(
            command=command,
            stream=stream,
            key=key,
            documents=documents,
            reader=operator(),
            reason=reason,
            under_holds=holds,
        ),
        now=platform.clock.now(),
    )


def _ask_about(holds: tuple[str, ...]) -> None:
    told = f"Under hold ({', '.join(holds)}): this data is stored and is for nothing else."
    if not sys.stdin.isatty():
        raise RefusedError(f"{told} Who has to look at it all the same says --under-hold.")
    if not typer.confirm(f"{told} Look at it all the same? This is recorded", err=True):
        raise RefusedError("Nothing was shown.")
