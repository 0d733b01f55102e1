"""Runs, as a webserver or daemon would make them."""

from typing import Any

from dagster import DagsterInstance, DagsterRun
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)


def add_run(instance: DagsterInstance, *, job_name: str, **parts: Any) -> DagsterRun:
    location = RegisteredCodeLocationOrigin("fakes")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job_name)
    return instance.add_run(DagsterRun(job_name=job_name, remote_job_origin=origin, **parts))
