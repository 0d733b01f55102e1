"""A deletion's work in this process: our stores, and Dagster's own storage beside them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance

from coworker_pipelines.assembly.deleting import deletion_work, deletions
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.defs.traces.remover import TraceRemover
from coworker_pipelines.defs.traces.stopping import InstanceRuns
from coworker_pipelines.privacy.deletion.carrying_out import DeletionWork
from coworker_pipelines.privacy.deletion.deletions import Deletions
from coworker_pipelines.settings import Settings


@contextmanager
def open_deletion_work(instance: DagsterInstance) -> Iterator[DeletionWork]:
    """Carries out confirmed orders."""
    with Platform.from_environment() as platform:
        settings = Settings.from_environment(os.environ)
        yield deletion_work(
            platform,
            settings,
            traces=_traces(platform, settings, instance),
            runs=InstanceRuns(instance),
            sleep=time.sleep,
        )


@contextmanager
def open_deletions(instance: DagsterInstance) -> Iterator[Deletions]:
    """Makes, previews and confirms orders."""
    with Platform.from_environment() as platform:
        settings = Settings.from_environment(os.environ)
        yield deletions(platform, settings, traces=_traces(platform, settings, instance))


def _traces(platform: Platform, settings: Settings, instance: DagsterInstance) -> TraceRemover:
    url = settings.dagster_database_url or platform.local.dagster_database_url()
    return TraceRemover(instance, url)
