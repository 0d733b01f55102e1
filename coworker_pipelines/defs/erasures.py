"""Erasures: the job with an op for each place.

A run names its order and its tenant by their ids alone, in tags, logs and outputs; of the person
it knows nothing that it could tell.
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
from coworker_pipelines.privacy.names import ERASED_FIRST

ERASE: Final = "erase"
ERASURES: Final = Orders(
    name="erasures",
    one="erasure",
    a_one="an erasure",
    place="place",
    job_name=ERASE,
    description="Orders to erase one person within a tenant: `coworker erasures`.",
    clock=lambda opened: opened.erasure_clock(),
)


@op(description="Keep the person out from now on, and write down what is about to be removed.")
def keep_person_out(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_erasures() as work:
        work.keep_out(ERASURES.of_run(context))


def _clearing(name: str, rank: int) -> OpDefinition:
    @op(
        name=f"free_{name}",
        ins={"after": In(Nothing)},
        # Steps of one rank are carried out by this number, the highest first.
        tags={"dagster/priority": str(len(ERASED_FIRST) - rank)},
        description=f"Take the person out of the place `{name}`, and count what is left.",
    )
    def free(context: OpExecutionContext, platform: PlatformParameter) -> None:
        with told_to_dagster(), platform.open_erasures() as work:
            counts = work.clear(ERASURES.of_run(context), name)
        context.add_output_metadata({"taken_out": counts.get(name, 0)})

    return free


@op(
    name="expunge_bytes",
    ins={"after": In(Nothing)},
    # Other places may wait for a run to end, and the bytes must not wait with them.
    tags={"dagster/priority": "-1"},
    description="Have the cluster's files written anew without what was taken out.",
)
def expunge_bytes(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_erasures() as work:
        work.expunge(ERASURES.of_run(context))


@op(
    name="count_person_again",
    ins={"after": In(Nothing)},
    description="Count once more when no run is left that began before; then the receipt is made.",
)
def count_person_again(context: OpExecutionContext, platform: PlatformParameter) -> None:
    order = ERASURES.of_run(context)
    with told_to_dagster(), platform.open_erasures() as work:
        state = work.settle(order)
        counts = work.counts(order)
    context.add_output_metadata({"state": str(state), **counts})


def erasure_job() -> JobDefinition:
    """Places do not wait for one another: one that fails keeps the order open, and no other."""
    clearings = [_clearing(name, rank) for rank, name in enumerate(ERASED_FIRST)]

    @job(
        name=ERASE,
        description="Carry out a confirmed erasure, place by place.",
        executor_def=in_process_executor,
    )
    def erase() -> None:
        kept_out = keep_person_out()
        freed = {
            name: step(after=kept_out) for name, step in zip(ERASED_FIRST, clearings, strict=True)
        }
        expunged = expunge_bytes([freed["documents"], freed["activities"]])
        count_person_again([*freed.values(), expunged])

    return erase
