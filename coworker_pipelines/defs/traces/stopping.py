"""Stopping the runs of connections, wherever they are on their way."""

import time
from collections.abc import Callable
from typing import Final

from dagster import (
    DagsterError,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)

from coworker_pipelines.defs.orders import OPEN_STATUSES
from coworker_pipelines.defs.partitions import CONNECTION_TAG
from coworker_pipelines.privacy.deletion.shutting_out import Runs
from coworker_pipelines.privacy.reached import Reached

END_WAIT_S: Final = 10.0
"""A run that was told to end gets so long; then Dagster is told that it is over."""
POLL_S: Final = 0.2
_WAITING: Final = frozenset({DagsterRunStatus.NOT_STARTED, DagsterRunStatus.QUEUED})
SENTENCE: Final = "What it worked on is being deleted."


class InstanceRuns(Runs):
    def __init__(
        self, instance: DagsterInstance, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._instance = instance
        self._sleep = sleep

    def stop(self, reached: Reached) -> bool:
        """No run of the reached is open for Dagster; whether each ended by itself."""
        for run in self._open(reached):
            self._end(run)
        polls = int(END_WAIT_S / POLL_S)
        while (left := self._open(reached)) and polls:
            self._sleep(POLL_S)
            polls -= 1
        for run in left:
            self._instance.report_run_canceled(run, SENTENCE)
        return not left

    def _open(self, reached: Reached) -> list[DagsterRun]:
        if not reached.handles:
            return []
        tags = {CONNECTION_TAG: list(reached.handles)}
        return list(self._instance.get_runs(RunsFilter(statuses=OPEN_STATUSES, tags=tags)))

    def _end(self, run: DagsterRun) -> None:
        if run.status in _WAITING:
            self._instance.report_run_canceled(run, SENTENCE)
            return
        if run.status is DagsterRunStatus.CANCELING:
            return
        try:
            self._instance.run_launcher.terminate(run.run_id)
        except (DagsterError, NotImplementedError):
            # Whoever launched it cannot reach it from here; the fence holds it off all the same.
            self._instance.report_run_canceling(run)
