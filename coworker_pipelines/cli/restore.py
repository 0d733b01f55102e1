"""`coworker restore`: after a backup was put back, nothing comes back that was removed since."""

import os
import time
from typing import Annotated

import typer

from coworker_pipelines.assembly.erasing import erasure_work
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, console, show_one
from coworker_pipelines.cli.syncing import open_instance
from coworker_pipelines.defs.deleting import open_deletion_work
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.deletion.replaying import DeletionReplayer
from coworker_pipelines.privacy.erasure.replaying import ErasureReplayer
from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from coworker_pipelines.privacy.restore.replay import Replayed, Replayer, replay
from coworker_pipelines.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "After a backup of the database or a snapshot of Elasticsearch was put back.\n\nUntil "
        "everything that was ordered since is done again, nothing is read and nothing is written."
    ),
)


@app.command()
def status(*, as_json: Json = False) -> None:
    """Say whether the database or Elasticsearch was put back to a state before an order."""
    with opened() as platform:
        standing = platform.safeguards.instance.standing()
        verdict = "everything that was ordered is known"
        try:
            platform.safeguards.require_current()
        except RefusedError as error:
            verdict = str(error)
    show_one(
        {
            "newest entry that the database knows": standing.known,
            "newest removal that Elasticsearch must have seen": standing.required,
            "newest removal that Elasticsearch has seen": standing.seen,
            "verdict": verdict,
        },
        as_json=as_json,
    )


@app.command("replay")
def replay_command(
    since: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=1,
            help="Do everything again from this entry on: for when single indices were put back, "
            "which no marker shows.",
        ),
    ] = None,
) -> None:
    """Do again every order that the restored copy does not know, one after the other.

    Deletions, erasures and suppressions, and what holds and policies were set since.
    """
    with opened() as platform:
        safeguards = platform.safeguards
        settings = Settings.from_environment(os.environ)
        erasures = ErasureReplayer(erasure_work(platform, settings, sleep=time.sleep))
        done = replay(
            safeguards.instance,
            {
                **safeguards.replayers,
                EntryKind.DELETION: _Deletions(),
                EntryKind.ERASURE: erasures,
            },
            since=since,
            now=platform.clock.now(),
            tell=_tell,
        )
        safeguards.require_current()
    console.print(f"{done:,} entries were done again: data may be read and written.")


class _Deletions(Replayer):
    """Dagster's storage, which a deletion also clears, is opened when there is one to be done."""

    def replay(self, entry: Entry) -> None:
        with open_instance() as instance, open_deletion_work(instance) as work:
            DeletionReplayer(database=work.database, removers=work.removers).replay(entry)


def _tell(replayed: Replayed) -> None:
    console.print(f"{replayed.number:>6}  {replayed.kind:<12}  {replayed.order_id}")
