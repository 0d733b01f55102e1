"""`coworker secrets`: the store that secrets rest in on this machine."""

import os

import typer

from coworker_pipelines.assembly.stores import open_file_store
from coworker_pipelines.cli.output import console
from coworker_pipelines.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The encrypted store of this machine's secrets.")


@app.callback()
def secrets() -> None:
    """Keep a group of it, though it has one command."""


@app.command()
def rekey() -> None:
    """Encrypt all secrets under a new key, and forget the old one.

    Whatever runs goes on meanwhile. If it is cut off, give the command again.
    """
    count = open_file_store(Settings.from_environment(os.environ)).rekey()
    console.print(f"{count} secrets are encrypted under a new key; the old one is gone.")
