"""Deletions: the job with an op for each target.

A run names its order and its tenant by their ids alone, in tags, logs and outputs, so it may stay:
engineers see later what happened, and after a tenant is gone nothing here tells who it was.
"""

from typing import Final

from dagster import (
    In,
    JobDefinition,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    in_process_executor,
    job,
    op,
)

from coworker_pipelines.defs.orders import Orders
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster
from coworker_pipelines.privacy.names import CLEARED_FIRST

DELETE: Final = "delete"
DELETIONS: Final = Orders(
    name="deletions",
    one="deletion",
    a_one="a deletion",
    place="target",
    job_name=DELETE,
    description="Orders to delete a stream, a connection or a tenant: `coworker deletions`.",
    clock=lambda opened: opened.deletion_clock(),
)


@op(description="Shut writers out: raise epochs, stop runs, let none begin.")
def shut_writers_out(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_deletions(context.instance) as work:
        work.shut_out(DELETIONS.of_run(context))


def _clearing(name: str, rank: int) -> OpDefinition:
    @op(
        name=f"clear_{name}",
        ins={"after": In(Nothing)},
        # Steps of one rank are carried out by this number, the highest first.
        tags={"dagster/priority": str(len(CLEARED_FIRST) - rank)},
        description=f"Remove what is reached from the target `{name}`, and count what is left.",
    )
    def clear(context: OpExecutionContext, platform: PlatformParameter) -> None:
        with told_to_dagster(), platform.open_deletions(context.instance) as work:
            progress = work.clear(DELETIONS.of_run(context), name)
        context.add_output_metadata({"matched": progress.matched, "left": progress.left})

    return clear


@op(
    ins={"after": In(Nothing)},
    description="Count once more when the last writer's request is over; then names go, and the "
    "receipt is made.",
)
def count_again(context: OpExecutionContext, platform: PlatformParameter) -> None:
    order = DELETIONS.of_run(context)
    with told_to_dagster(), platform.open_deletions(context.instance) as work:
        state = work.settle(order)
        counts = work.counts(order)
    context.add_output_metadata({"state": str(state), **counts})


def deletion_job() -> JobDefinition:
    """Targets do not wait for one another: one that fails keeps the order open, and no other."""
    clearings = [_clearing(name, rank) for rank, name in enumerate(CLEARED_FIRST)]

    @job(
        name=DELETE,
        description="Carry out a confirmed deletion, target by target.",
        executor_def=in_process_executor,
    )
    def delete() -> None:
        shut = shut_writers_out()
        count_again([clearing(after=shut) for clearing in clearings])

    return delete
