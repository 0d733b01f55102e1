"""The report over all stores: each is asked, and one that cannot answer is said to be missing."""

from collections.abc import Callable, Mapping

from coworker_pipelines.access.findings import Known, plan_report
from coworker_pipelines.access.grants import Answer, Gap, Report, Store
from coworker_pipelines.kernel.errors import CoworkerError

Sources = Mapping[Store, Callable[[], Answer]]


def make_report(sources: Sources, known: Known) -> Report:
    """What the sources say, judged by what is known."""
    return plan_report((_asked(store, source) for store, source in sources.items()), known)


def _asked(store: Store, source: Callable[[], Answer]) -> Answer:
    try:
        return source()
    except CoworkerError as error:
        return Answer(gaps=[Gap(store=store, sentence=str(error))])
