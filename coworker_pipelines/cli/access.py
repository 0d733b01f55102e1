"""`coworker access`: who may reach what, reviews of it, and who looked at raw documents."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any

import typer

from coworker_pipelines.access.findings import active
from coworker_pipelines.access.grants import Grant, Report, Store
from coworker_pipelines.access.readings import list_readings, opened_key
from coworker_pipelines.access.reviews import (
    ReviewOrder,
    ReviewState,
    list_reviews,
    record_review,
    review_state,
)
from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.access import access_report
from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import Json, Limit, console, show_json, show_rows
from coworker_pipelines.connections.tenants import find_tenant, tenant_keys
from coworker_pipelines.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Who and what can reach each store, reviewed; who read raw data."
)
Stores = Annotated[
    list[Store] | None, typer.Option("--store", help="Only this store; may be given repeatedly.")
]
ALIKE_MIN = 3
"""So many rights of one kind are listed one by one; of more, the table shows the first."""
COLUMNS = ("id", "subject", "may", "on", "through", "since", "why", "findings")


@app.command()
def report(
    store: Stores = None,
    *,
    findings: Annotated[
        bool, typer.Option("--findings", help="Only what a reviewer has to look at.")
    ] = False,
    ended: Annotated[bool, typer.Option("--ended", help="Also keys that are over.")] = False,
    as_json: Json = False,
) -> None:
    """List who and what can reach each store, since when and why.

    A right without a known purpose is *unexplained*. What a store would not tell is said. The
    table shows many of one kind as one; --json has each.
    """
    settings = Settings.from_environment(os.environ)
    with opened() as platform:
        made = access_report(platform, settings, only=frozenset(store or ()))
        state = _state(platform, settings)
    grants = made.grants if ended else active(made.grants, made.made_at)
    if findings:
        grants = [grant for grant in grants if grant.findings]
    if as_json:
        show_json(_as_json(made, grants, state))
        return
    _show(made, grants)
    console.print(
        f"{len(grants)} rights, {len(made.open)} with open findings. {state.sentence}\n"
        f"To record a review of this: coworker access review --reviewer NAME --note ... "
        f"--digest {made.digest[:12]}"
    )


@app.command()
def review(
    reviewer: Annotated[str, typer.Option(help="Who reviewed it.")],
    note: Annotated[str, typer.Option(help="What was looked at, and what is to be done.")],
    accept: Annotated[
        list[str] | None,
        typer.Option(help="The id of a right whose findings are accepted; may be repeated."),
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option(help="That of the report that was looked at; refused if it has changed."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Record that the report of all stores was reviewed; what is not accepted is to be changed.

    Example: coworker access review --reviewer "Ann Lee" --note "Quarterly." --accept 1f2e3d4c5b6a
    """
    settings = Settings.from_environment(os.environ)
    order = ReviewOrder(
        reviewer=reviewer,
        note=note,
        accept=accept or (),
        recorded_by=operator(),
        digest=digest,
    )
    with opened() as platform:
        made = access_report(platform, settings)
        with platform.database.control() as session:
            row = record_review(session, made, order)
            content: dict[str, Any] = {
                "id": row.id,
                "reviewer": row.reviewer,
                "digest": row.report_digest,
                "rights": len(row.grants),
                "accepted": row.accepted,
                "to_change": row.to_change,
            }
        state = _state(platform, settings)
    if as_json:
        show_json(content | {"next_due_at": state.due_at})
        return
    console.print(
        f"Recorded: {content['rights']} rights, {len(content['accepted'])} accepted, "
        f"{len(content['to_change'])} to be changed. {state.sentence}"
    )


@app.command()
def reviews(limit: Limit = 20, *, as_json: Json = False) -> None:
    """List reviews, the latest first, and when the next one is due."""
    settings = Settings.from_environment(os.environ)
    with opened() as platform:
        with platform.database.control() as session:
            rows = [
                {
                    "reviewed_at": row.reviewed_at,
                    "reviewer": row.reviewer,
                    "rights": len(row.grants),
                    "accepted": row.accepted if as_json else len(row.accepted),
                    "to_change": row.to_change if as_json else len(row.to_change),
                    "note": row.note,
                    "digest": row.report_digest if as_json else row.report_digest[:12],
                    "recorded_by": row.recorded_by,
                    "id": row.id,
                }
                for row in list_reviews(session, limit=limit)
            ]
        state = _state(platform, settings)
    show_rows(
        rows,
        ("reviewed_at", "reviewer", "rights", "accepted", "to_change", "note", "digest"),
        as_json=as_json,
        none=state.sentence,
    )
    if rows and not as_json:
        console.print(state.sentence)


@app.command()
def readings(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant's data.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on (UTC).")
    ] = None,
    limit: Limit = 50,
    *,
    as_json: Json = False,
) -> None:
    """List who looked at raw documents and rejected records, which, when and why."""
    with opened() as platform, platform.database.control() as session:
        data_key = cache(lambda one: tenant_keys(session, platform.master, one).data)
        rows = [
            {
                "at": row.at,
                "reader": row.reader,
                "command": row.command,
                "connection": row.handle,
                "stream": row.stream,
                "key": opened_key(row, data_key),
                "documents": row.documents,
                "reason": row.reason,
                "under_holds": row.under_holds,
                "id": row.id,
            }
            for row in list_readings(
                session,
                tenant_id=find_tenant(session, tenant).id if tenant else None,
                since=since.replace(tzinfo=UTC) if since else None,
                limit=limit,
            )
        ]
    show_rows(
        rows,
        ("at", "reader", "command", "connection", "stream", "key", "documents", "reason"),
        as_json=as_json,
        none="Nobody has looked at raw data.",
    )


def _state(platform: Platform, settings: Settings) -> ReviewState:
    with platform.database.control() as session:
        return review_state(
            session,
            now=platform.clock.now(),
            interval=timedelta(days=settings.access_review_days),
        )


def _show(made: Report, grants: Sequence[Grant]) -> None:
    for store in Store:
        gaps = [gap for gap in made.gaps if gap.store is store]
        rows = [_row(alike) for alike in _alike(grants, store)]
        if not rows and not gaps:
            continue
        console.print(f"\n[bold]{store}[/]")
        if rows:
            show_rows(rows, COLUMNS, as_json=False, none="")
        for gap in gaps:
            console.print(f"[yellow]Not seen:[/] {gap.sentence}", highlight=False)


def _alike(grants: Sequence[Grant], store: Store) -> Iterator[list[Grant]]:
    """Those that a reviewer may take for one: the same rights for the same reason, no finding."""
    groups: dict[object, list[Grant]] = {}
    for grant in grants:
        if grant.store is store:
            is_plain = not grant.findings and grant.why is not None
            key = (grant.why, grant.may) if is_plain else grant.id
            groups.setdefault(key, []).append(grant)
    for group in groups.values():
        if len(group) > ALIKE_MIN:
            yield group
        else:
            yield from ([grant] for grant in group)


def _row(alike: Sequence[Grant]) -> Mapping[str, Any]:
    grant, *others = alike
    seen = f"seen {grant.seen_since:%Y-%m-%d}" if grant.seen_since else "not kept"
    findings = ", ".join(grant.findings)
    return {
        "id": grant.id,
        "subject": f"{grant.subject}, and {len(others):,} alike" if others else grant.subject,
        "may": ", ".join(grant.may),
        "on": grant.on,
        "through": grant.through,
        "since": f"{grant.since:%Y-%m-%d %H:%M}" if grant.since else seen,
        "why": grant.why or "unexplained",
        "findings": f"{findings} (accepted: {grant.accepted})" if grant.accepted else findings,
    }


def _as_json(made: Report, grants: Sequence[Grant], state: ReviewState) -> Mapping[str, Any]:
    return {
        "made_at": made.made_at,
        "digest": made.digest,
        "review": {
            "last_at": state.last_at,
            "due_at": state.due_at,
            "overdue": state.is_overdue,
        },
        "grants": [
            {
                "id": grant.id,
                "store": grant.store,
                "subject": grant.subject,
                "may": grant.may,
                "on": grant.on,
                "through": grant.through,
                "since": grant.since,
                "until": grant.until,
                "seen_since": grant.seen_since,
                "why": grant.why,
                "findings": grant.findings,
                "accepted": grant.accepted,
            }
            for grant in grants
        ],
        "not_seen": [{"store": gap.store, "sentence": gap.sentence} for gap in made.gaps],
    }
