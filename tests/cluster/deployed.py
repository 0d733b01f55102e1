"""Our components on the control plane of the tests, each with its own rights and logins.

The code server, the webserver and the daemon are processes of this machine; what they launch are
Jobs, whose Pods the tests' node runs. Each is told what its Deployment would tell it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster_shared.yaml_utils import load_yaml_from_path
from kubernetes import client

from coworker_pipelines.assembly import Platform
from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.cluster.names import OWN_NAMESPACE, namespace_of
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.cluster.tenants import (
    TenantLimits,
    make_tenant_namespaces,
    remove_tenant_namespaces,
)
from coworker_pipelines.defs.run_jobs import job_name
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.secrets.kubernetes import KubernetesSecretStore
from coworker_pipelines.secrets.store import SecretHouse, SecretReader
from coworker_pipelines.settings import Settings
from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubelet import Kubelet, running_kubelet
from tests.cluster.logins import made_logins
from tests.database_fixtures import made_database, named_url
from tests.defs.servers import ROOT, Location, Servers, started, wait_until

IMAGE = "coworker:tests"
START_S = 25
RUN_S = 90.0
SETTINGS = ROOT / "deploy" / "kubernetes" / "base" / "dagster.yaml"
DEFINITIONS = "coworker_pipelines"

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
TERMINATE = """
mutation ($run: String!) {
  terminateRun(runId: $run) { __typename ... on TerminateRunFailure { message } }
}
"""
