"""`coworker secrets`: the store that secrets rest in on this machine."""

import os

import typer

from coworker_pipelines.assembly.stores import open_file_store
from coworker_pipelines.cli.output import console
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.settings import SecretsIn, Settings

app = typer.Typer(no_args_is_help=True, help="The encrypted store of this machine's secrets.")


@app.callback()
def secrets() -> None:
    """Keep a group of it, though it has one command."""


@app.command()
def rekey() -> None:
    """Encrypt all secrets under a new key, and forget the old one.

    Whatever runs goes on meanwhile. If it is cut off, give the command again.
    """
    settings = Settings.from_environment(os.environ)
    if settings.secrets is not SecretsIn.FILE:
        raise TenantActionError(
            "This deployment keeps its secrets in the cluster, which encrypts them by a key of its "
            "own: rotate that one."
        )
    count = open_file_store(settings).rekey()
    console.print(f"All secrets ({count}) are encrypted under a new key; the old one is gone.")
