"""A run that leaks all it knows wherever Dagster takes something: a program of its own.

``python -m tests.defs.leaking HOME COUNT``. The run has a process of its own below this one, as
Dagster's launcher gives it.
"""

import ctypes
import logging
import multiprocessing
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetMaterialization,
    AssetObservation,
    DagsterInstance,
    ExpectationResult,
    Failure,
    MetadataValue,
    OpExecutionContext,
    Out,
    RetryRequested,
    job,
    op,
)

from coworker_pipelines.secrets.redaction.process import process_redactor, redact_logs
from tests.secrets.redaction.planting import WRITERS, planted, written

SEED = 33
AFTER = "raw words after the steps"


def main(home: str, count: str) -> None:
    context = multiprocessing.get_context("spawn")
    run = context.Process(target=_run, args=(home, int(count)))
    run.start()
    run.join()
    sys.exit(run.exitcode)


def _run(home: str, count: int) -> None:
    redact_logs()
    values = planted(count, seed=SEED)
    process_redactor().register(*values)
    with DagsterInstance.from_config(home) as instance:
        for name in ("leak", "fail_with_failure", "fail_with_chain", "retry"):
            result = leaks.execute_in_process(
                instance=instance,
                raise_on_error=False,
                tags={"value": values[0], values[1]: "key"},
                run_config={"ops": {"act": {"config": {"how": name, "values": values}}}},
            )
            instance.add_run_tags(result.run_id, {"later": values[2]})
            instance.report_engine_event(f"engine {values[0]}", result.dagster_run)
        print(AFTER, *values)  # noqa: T201 - a sink


@op(config_schema={"how": str, "values": [str]}, out=Out(is_required=False))
def act(context: OpExecutionContext) -> Iterator[Any]:
    values: list[str] = context.op_config["values"]
    match context.op_config["how"]:
        case "leak":
            for number, value in enumerate(values):
                yield from _leak(context, number, value)
        case "fail_with_failure":
            raise Failure(values[0], metadata={"said": values[1], "seen": {"deep": [values[2]]}})
        case "fail_with_chain":
            error = OSError(*values)
            error.add_note(values[0])
            error.__cause__ = ValueError(*values)
            raise ExceptionGroup("several", [error, KeyError(*values)])
        case "retry":
            raise RetryRequested(max_retries=1) from ValueError(*values)


def _leak(context: OpExecutionContext, number: int, value: str) -> Iterator[Any]:
    texts = [written(write, value) for write in WRITERS.values()]
    said = b"\n".join(texts).decode("utf-8", "replace").replace("\0", "")
    context.log.info("as an argument: %s", value)
    context.log.error(said)
    logging.getLogger("somebody").warning("a foreign log: %s", value)
    warnings.warn(value, stacklevel=1)
    print(said)  # noqa: T201 - a sink
    print(value, file=sys.stderr, flush=True)  # noqa: T201 - a sink
    ctypes.CDLL(None).write(1, b"\n".join(texts), len(b"\n".join(texts)))
    if number % 20 == 0:
        subprocess.run(["printf", "%s\n", value], check=True)  # noqa: S607 - of this machine
    metadata: dict[str, Any] = {
        "text": said,
        "json": MetadataValue.json({"value": value, "deep": [{value: value}]}),
        "url": MetadataValue.url(f"https://example.com/?token={value}"),
        "md": MetadataValue.md(f"`{value}`"),
    }
    yield AssetMaterialization("leaked", description=value, metadata=metadata)
    yield AssetObservation("leaked", description=value, metadata=metadata)
    yield ExpectationResult(success=True, description=value, metadata=metadata)


@job
def leaks() -> None:
    act()


if __name__ == "__main__":
    os.umask(0o077)
    main(*sys.argv[1:])
