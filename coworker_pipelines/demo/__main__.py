"""`python -m coworker_pipelines.demo`: two tenants, their connections, and what came of them."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from elasticsearch import ApiError

from coworker_pipelines.assembly import Platform
from coworker_pipelines.cli.main import run
from coworker_pipelines.cli.output import console, show_rows
from coworker_pipelines.cli.syncing import raise_failure, run_sync
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import Sync, SyncStream
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.defs.partitions import Span
from coworker_pipelines.demo.automation import HANDBOOK, Showing, make_repository
from coworker_pipelines.demo.privacy import (
    commits_of,
    delete_tenant,
    erase,
    quietest_author,
    verified_receipts,
)
from coworker_pipelines.demo.shop import change_shop, make_shop
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.secrets.redaction.process import redact_program

PROJECT: Final = Path(__file__).parents[2]
STATE: Final = PROJECT / ".coworker" / "demo"
CACHE: Final = PROJECT / ".coworker" / "cache"
CODE: Final = "acme.code"
CORP_CODE: Final = "acme-corp.code"
SHOP: Final = "acme.shop"
COLUMNS: Final = (
    "connection", "stream", "index", "read", "indexed", "unchanged", "rejected", "activities",
    "seconds",
)  # fmt: skip


def demonstrate(
    repository: Annotated[
        Path, typer.Option(help="The repository that both tenants' git connections read.")
    ] = PROJECT,
) -> None:
    """Show the main job on real input, in a folder of its own; nothing runs on afterwards."""
    began = time.monotonic()
    with _services() as platform:
        now = Window.of(platform.clock.now())
        source = STATE / "shop.sqlite"
        make_shop(source, now=platform.clock.now())
        _step("Two tenants; a git connection each, and a database for one of them")
        for slug, name in (("acme", "Acme"), ("acme-corp", "Acme Corporation")):
            platform.tenants.make(slug=slug, name=name)
        _connect(platform, CODE, "git", {"repository": str(repository.resolve())})
        _connect(platform, CORP_CODE, "git", {"repository": str(repository.resolve())})
        _connect(platform, SHOP, "sql", {"url": f"sqlite:///{source}"})

        _step("First syncs, through Dagster")
        for handle, kind in ((CODE, "git"), (CORP_CODE, "git"), (SHOP, "sql")):
            _sync(handle, kind, now)
        _step("A backfill of the two months before, in one run")
        _sync(SHOP, "sql", now.plus(-2), now.plus(-1))
        _step("The shop changes: 40 orders shipped, 10 new, 3 products gone; and syncs again")
        change_shop(source, now=platform.clock.now())
        _sync(SHOP, "sql", now)
        _sync(CODE, "git", now)

        _step("What came of it, over all syncs")
        show_rows(_totals(platform), COLUMNS, as_json=False, none="Nothing.")
        _step("acme's key, used on acme-corp's index")
        console.print(f"  {_refusal(platform)}", markup=False)
        _automate(platform)
        _take_away(platform, now)
    console.print(
        f"\nDone in {time.monotonic() - began:.0f} s; nothing runs any more. Next:\n"
        "  make up                          Dagster's user interface, with services of your own\n"
        "  uv run coworker tenants add ...  then `coworker --help`, and the tour in the README"
    )


@contextmanager
def _services() -> Iterator[Platform]:
    """A platform in an empty folder, whose services are stopped at the end."""
    os.environ.update({"COWORKER_STATE": str(STATE), "COWORKER_CACHE": str(CACHE)})
    with Platform.from_environment() as before:
        before.local.down()
    shutil.rmtree(STATE, ignore_errors=True)
    with Platform.from_environment() as platform:
        try:
            _step("Postgres and Elasticsearch")
            endpoints = platform.local.up(lambda said: console.print(f"  [dim]{said} ...[/]"))
            migrate(endpoints.database_url)
            yield platform
        finally:
            platform.local.down()


def _automate(platform: Platform) -> None:
    """A rule acts on a repository of its own, which the demonstration can commit to."""
    _step("A small repository of the tenant's, for a rule to look at")
    showing = Showing(platform=platform, folder=STATE, step=_step, sync=_sync)
    make_repository(showing.repository, now=platform.clock.now())
    _connect(platform, HANDBOOK, "git", {"repository": str(showing.repository.resolve())})
    showing.show()


def _take_away(platform: Platform, now: Window) -> None:
    """One person and one tenant go, and it is shown that they are gone."""
    author = quietest_author(platform, CODE)
    _step(f"An author of {author.commits} commits asks to be erased; the bytes take half a minute")
    receipt = erase(platform, CODE.partition(".")[0], author)
    console.print(f"  confirmed        {receipt['order']['confirmed_at']}")
    console.print(f"  unreadable since {receipt['unreadable_since']}")
    console.print(f"  bytes gone since {receipt['bytes_gone_since']}")
    _show_places(receipt)
    _sync(CODE, "git", now)
    left = commits_of(platform, CODE, author)
    console.print(f"  and after another sync of the same repository: {left} commits of theirs")
    if left:
        raise DefectError("A person who was erased has come back.")

    corp = CORP_CODE.partition(".")[0]
    _step(f"The tenant {corp} is deleted")
    _show_places(delete_tenant(platform, corp))

    _step("Both receipts, verified with the public key alone")
    verified = verified_receipts(platform)
    console.print(
        f"  numbers {verified.first} to {verified.last}: each signed, each naming the one before"
    )


def _show_places(receipt: dict[str, Any]) -> None:
    columns = ("target", "matched", "deleted", "masked", "left_first", "left_second")
    show_rows(receipt["targets"], columns, as_json=False, none="Nothing was there.")


def _connect(platform: Platform, handle: str, kind: str, form: dict[str, str]) -> None:
    tenant, _, name = handle.partition(".")
    platform.maker.make(
        ConnectionOrder(
            tenant=tenant,
            name=name,
            kind=kind,
            form=form,
            schedule=None,
            streams=None,
            ordered_by="demo",
        )
    )


def _sync(handle: str, kind: str, first: Window, last: Window | None = None) -> None:
    windows = tuple(first.until(last or first))
    began = time.monotonic()
    result = run_sync(kind, Span(connection=handle, windows=windows), lambda _: None)
    raise_failure(result)
    months = f"{first.key[:7]} to {windows[-1].key[:7]}" if last else first.key[:7]
    console.print(
        f"  {handle}, {months}: run {result.run_id[:8]}, {time.monotonic() - began:.1f} s"
    )


def _totals(platform: Platform) -> list[dict[str, Any]]:
    totals: dict[tuple[str, str], dict[str, Any]] = {}
    with platform.database.control() as session:
        for handle in (CODE, CORP_CODE, SHOP):
            connection = find_connection(session, handle)
            parts = session.query(SyncStream).join(Sync, Sync.id == SyncStream.sync_id)
            for part in parts.filter(Sync.connection_id == connection.id):
                row = totals.setdefault(
                    (handle, part.stream),
                    {
                        "connection": handle,
                        "stream": part.stream,
                        "index": names.documents_index(connection.scope, part.stream),
                    },
                )
                for column in COLUMNS[3:]:
                    row[column] = row.get(column, 0) + getattr(part, column)
    return [totals[key] for key in sorted(totals)]


def _refusal(platform: Platform) -> str:
    """What Elasticsearch answers: the refusal itself."""
    with platform.database.control() as session:
        alias = names.documents_alias(find_connection(session, CORP_CODE).scope, "commits")
    with open_client(platform.own_address(CODE)) as client:
        try:
            client.search(index=alias)
        except ApiError as error:
            reason = error.body["error"]["reason"] if isinstance(error.body, dict) else error.body
            return f"{error.status_code}: {reason}"
    raise DefectError("A tenant's key has opened another tenant's index.")


def _step(title: str) -> None:
    console.print(f"\n[bold]{title}[/]")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(demonstrate)
    redact_program()
    sys.exit(run(app))
