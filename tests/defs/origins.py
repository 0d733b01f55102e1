"""Runs, as a webserver or daemon would make them."""

from typing import Any

from dagster import DagsterInstance, DagsterRun
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)


def add_run(instance: DagsterInstance, *, job_name: str, **parts: Any) -> DagsterRun:
    location = RegisteredCodeLocationOrigin("fakes")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job_name)
    return instance.add_run(DagsterRun(job_name=job_name, remote_job_origin=origin, **parts))


def code_origin(
    job_name: str = "sync_git", *, module: str = "coworker_pipelines.definitions", **parts: Any
) -> JobPythonOrigin:
    """Where the code of a run is, as a code location's server writes it into the run's row."""
    repository = RepositoryPythonOrigin("python", ModuleCodePointer(module, "defs"), **parts)
    return JobPythonOrigin(job_name, repository)
