"""Jobs in memory: what is made stays as it was made until a test says what became of it."""

from collections.abc import Callable
from typing import Any

from coworker_pipelines.defs.kubernetes_jobs import RunJobs
from coworker_pipelines.defs.run_health import Seen


class MemoryJobs(RunJobs):
    """``fail`` may raise for a call, named by its method."""

    def __init__(self, *, fail: Callable[[str], None] = lambda _: None) -> None:
        self.jobs: dict[tuple[str, str], Seen] = {}
        self.fail = fail

    def create(self, job: dict[str, Any]) -> None:
        self.fail("create")
        place = (job["metadata"]["namespace"], job["metadata"]["name"])
        self.jobs.setdefault(place, Seen(job=job))

    def look(self, namespace: str, name: str) -> Seen:
        self.fail("look")
        return self.jobs.get((namespace, name), Seen(job=None))

    def delete(self, namespace: str, name: str) -> bool:
        self.fail("delete")
        return self.jobs.pop((namespace, name), None) is not None
