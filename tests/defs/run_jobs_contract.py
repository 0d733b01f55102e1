"""What holds for the Jobs of runs, in memory and in the cluster."""

from typing import Any

from coworker_pipelines.defs.kubernetes_jobs import RunJobs


class RunJobsContract:
    """Heirs give ``jobs`` and, of a namespace that is there, ``manifest``."""

    def test_a_job_that_was_made_is_seen(self, jobs: RunJobs, manifest: dict[str, Any]) -> None:
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        jobs.create(manifest)
        seen = jobs.look(namespace, name)
        assert seen.job is not None
        assert seen.job["metadata"]["name"] == name

    def test_a_job_is_made_once(self, jobs: RunJobs, manifest: dict[str, Any]) -> None:
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        jobs.create(manifest)
        changed = {**manifest, "spec": {**manifest["spec"], "activeDeadlineSeconds": 1}}
        jobs.create(changed)
        seen = jobs.look(namespace, name)
        assert seen.job is not None
        assert seen.job["spec"]["activeDeadlineSeconds"] != 1

    def test_a_deleted_job_is_gone(self, jobs: RunJobs, manifest: dict[str, Any]) -> None:
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        jobs.create(manifest)
        assert jobs.delete(namespace, name)
        assert jobs.look(namespace, name).job is None
        assert not jobs.delete(namespace, name)

    def test_a_job_that_was_never_made_is_not_seen(
        self, jobs: RunJobs, manifest: dict[str, Any]
    ) -> None:
        namespace = manifest["metadata"]["namespace"]
        assert jobs.look(namespace, "run-nothing").job is None
        assert not jobs.delete(namespace, "run-nothing")
