"""The process of a run in its pod: ``python -m coworker_pipelines.defs.running ORDER``.

``ORDER`` is what the launcher told: the run's id and the instance that it reports to. All
addresses and secrets lie in files below the pod's mount, and none in the environment.
"""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from dagster import DagsterEvent, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._cli.api import _execute_run_command_body
from dagster._core.code_pointer import ModuleCodePointer
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value
from dagster._utils.interrupts import capture_interrupts
from dagster_shared.serdes.errors import DeserializationError

from coworker_pipelines.defs.run_health import CONFIGURATION_STATUS, TERMINATION_MESSAGE
from coworker_pipelines.kernel.errors import CoworkerError, DefectError, RefusedError
from coworker_pipelines.secrets.redaction.descriptors import redacted_descriptors
from coworker_pipelines.secrets.redaction.process import process_redactor, redact_program

CODE: Final = "coworker_pipelines.definitions"
"""The one module that a run may load."""

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str], *, message: Path = Path(TERMINATION_MESSAGE)) -> int:
    """The status that the process ends with.

    Nought where the run ended well or is not wanted any more, one where it failed and Dagster
    knows, ``CONFIGURATION_STATUS`` where it could not even be told: then ``message`` says why.
    """
    try:
        with capture_interrupts():
            return _carry_out(*arguments)
    except CoworkerError as error:
        _log.error("%s", error)
        # Outside of a pod there is nobody to leave it for.
        with suppress(OSError):
            message.write_text(str(error), encoding="utf-8")
        return CONFIGURATION_STATUS


def _carry_out(order: str) -> int:
    told = _told(order)
    assert told.instance_ref is not None
    with DagsterInstance.from_ref(told.instance_ref) as instance:
        run = instance.get_run_by_id(told.run_id)
        if run is None or not _is_wanted(instance, run):
            return 0
        _require_ours(run)
        return _execute_run_command_body(
            told.run_id, instance, _forget, set_exit_code_on_failure=True
        )


def _told(order: str) -> ExecuteRunArgs:
    try:
        return deserialize_value(order, ExecuteRunArgs)
    except (DeserializationError, ValueError) as error:
        raise DefectError("The run was given an order that is none.") from error


def _is_wanted(instance: DagsterInstance, run: DagsterRun) -> bool:
    """A pod may start long after its run was written off, or cancelled."""
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "The run was cancelled before its process began.")
        return False
    return not run.is_finished


def _require_ours(run: DagsterRun) -> None:
    """Every run may write to Dagster's database, so a row must not say what another run loads.

    Raises:
        RefusedError: it says something else than our definitions.
    """
    origin = run.job_code_origin
    pointer = origin.repository_origin.code_pointer if origin else None
    if not isinstance(pointer, ModuleCodePointer) or pointer.module != CODE:
        raise RefusedError(f"A run in the cluster loads {CODE} and nothing else.")


def _forget(_: DagsterEvent) -> None:
    """Events are in Dagster's database by now; nobody reads them from this process."""


def _process() -> int:
    """All that this process and its children print is masked, be it by C or in a last traceback."""
    redact_program()
    with redacted_descriptors(process_redactor()):
        return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_process())
