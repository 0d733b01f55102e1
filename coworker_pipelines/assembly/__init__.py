"""The composition root: the one place where settings become stores, clients and runs.

Belongs here: which adapter stands behind which port, and what is opened with whose rights.
Does not: anything that decides. Above it are only the shells: Dagster's and the command line.
"""

import os

from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.assembly.run import RunPlatform
from coworker_pipelines.secrets.redaction.process import process_redactor
from coworker_pipelines.settings import Settings

__all__ = ["Platform", "RunPlatform", "open_platform"]


def open_platform() -> Platform | RunPlatform:
    """What a run works with: in the cluster what was mounted for it, else all of this machine."""
    settings = Settings.from_environment(os.environ)
    if settings.mount is not None:
        return RunPlatform(settings, settings.mount, redactor=process_redactor())
    return Platform(settings, redactor=process_redactor())
