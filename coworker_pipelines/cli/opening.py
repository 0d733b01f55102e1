"""Opening the platform for one command."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from coworker_pipelines.assembly import Platform


@contextmanager
def opened() -> Iterator[Platform]:
    """The platform that the environment describes, closed when the command ends."""
    with Platform.from_environment() as platform:
        yield platform


def operator() -> str:
    """Who gave the command: the name that history keeps."""
    return getpass.getuser()
