"""Carrying out a deletion from the command line: the phases of Dagster's job, one by one."""

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import errors
from coworker_pipelines.cli.syncing import open_instance
from coworker_pipelines.defs.deleting import open_deletion_work
from coworker_pipelines.privacy.deletion.record import Progress as TargetProgress


def carry_out_with_progress(order: str, *, shown: bool) -> None:
    """The order is done when this ends.

    Raises:
        RetryLaterError: it waits for something; the sentence says what for.
    """
    with opened():
        pass
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed}/{task.total} places"),
        TimeElapsedColumn(),
    )
    with (
        open_instance() as instance,
        open_deletion_work(instance) as work,
        Progress(*columns, console=errors, disable=not shown, transient=True) as display,
    ):
        task = display.add_task("shutting writers out", total=len(work.targets_of(order)))

        def told(progress: TargetProgress) -> None:
            title = f"{progress.target}: {progress.matched} gone"
            display.update(task, advance=1, description=title)

        work.carry_out(order, told)
