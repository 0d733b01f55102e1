"""What steps print, kept for the UI: masked before it reaches a file."""

import multiprocessing
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Self

from dagster import DagsterInstance
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import (
    IO_TYPE_EXTENSION,
    LocalComputeLogManager,
)
from dagster._serdes import ConfigurableClassData

from coworker_pipelines.secrets.redaction.descriptors import (
    ERROR,
    OUT,
    FilterProcess,
    redacted_descriptors,
)
from coworker_pipelines.secrets.redaction.process import process_redactor

_COMPLETE: Final = "complete"
"""The empty file that says: no more will come."""


class RedactedComputeLogManager(LocalComputeLogManager):
    """Dagster's own files, written by the filter instead of by the step.

    The filter writes to where the output went before as well, so none of Dagster's four
    processes that follow the files is needed.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__("", inst_data=inst_data)
        self._kept = ExitStack()
        self._keeps = False

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        assert not config_value
        return cls(inst_data=inst_data)

    def register_instance(self, instance: DagsterInstance) -> None:
        """The files lie where Dagster would put them: in its home."""
        super().register_instance(instance)
        self._base_dir = instance.storage_directory()

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        self._keep_whole_run()
        with ExitStack() as stack:
            filtering = stack.enter_context(FilterProcess(process_redactor()))
            for kind, descriptor in ((ComputeIOType.STDOUT, OUT), (ComputeIOType.STDERR, ERROR)):
                path = Path(self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind]))
                path.parent.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(path.open("ab"))
                stack.enter_context(filtering.standing_at((descriptor,), (file.fileno(),)))
            yield CapturedLogContext(log_key)
        Path(self.get_captured_local_path(log_key, _COMPLETE)).touch()

    def _keep_whole_run(self) -> None:
        """Before the first step reads a secret, the rest of a run's process is filtered as well.

        A process that Dagster's launcher made for a run has no entry of ours; all others do.
        """
        if multiprocessing.parent_process() is not None and not self._keeps:
            self._keeps = True
            self._kept.enter_context(redacted_descriptors(process_redactor()))
