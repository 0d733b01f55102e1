"""The program `coworker`."""

import os
import sys
from collections.abc import Callable

import typer
from rich.markup import escape

from coworker_pipelines.cli import (
    access,
    activities,
    connections,
    decisions,
    deletions,
    destinations,
    doctor,
    documents,
    erasures,
    holds,
    outbox,
    receipts,
    rejected,
    restore,
    retention,
    rules,
    secrets,
    services,
    suppressions,
    syncs,
    tenants,
)
from coworker_pipelines.cli.output import FAULT_STATUS, USAGE_STATUS, errors
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.secrets.redaction.process import redact_program

app = typer.Typer(
    name="coworker",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Take in clients' work data: a tenant's connections become documents in Elasticsearch "
        "and activity messages.\n\nStart with `coworker services up`, `coworker tenants add` "
        "and `coworker connections add`."
    ),
)
for name, noun in (
    ("tenants", tenants.app),
    ("connections", connections.app),
    ("syncs", syncs.app),
    ("documents", documents.app),
    ("activities", activities.app),
    ("rules", rules.app),
    ("decisions", decisions.app),
    ("outbox", outbox.app),
    ("destinations", destinations.app),
    ("rejected", rejected.app),
    ("retention", retention.app),
    ("holds", holds.app),
    ("receipts", receipts.app),
    ("suppressions", suppressions.app),
    ("restore", restore.app),
    ("secrets", secrets.app),
    ("access", access.app),
    ("deletions", deletions.app),
    ("erasures", erasures.app),
    ("services", services.app),
):
    app.add_typer(noun, name=name)
app.command()(doctor.doctor)


def main() -> None:
    """The program's entry."""
    redact_program()
    sys.exit(run(app))


def run(program: Callable[[], object]) -> int:
    """Run a program; an error of ours ends it with one sentence and its verdict's status."""
    try:
        program()
    except (TenantActionError, RefusedError) as error:
        return _said(str(error), USAGE_STATUS)
    except RetryLaterError as error:
        return _said(f"{error} Try again later.", FAULT_STATUS)
    except CoworkerError as error:
        return _said(f"{error} This is a defect of ours.", FAULT_STATUS)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _said(sentence: str, status: int) -> int:
    errors.print(f"[bold red]coworker:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    return status
