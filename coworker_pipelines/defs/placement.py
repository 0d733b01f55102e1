"""Where in the cluster a run works, as whom, and which Secrets it is given.

Decided: that follows from the run's partition, or for a run without one from its job's name in
the table below. What a person or a sensor wrote into other tags or into configuration is not
asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dagster import DagsterRun

from coworker_pipelines.cluster.names import (
    CONNECTION_LABEL,
    CONTROL_PLANE,
    DISPATCHER,
    OAUTH_REFRESHER,
    OWN_NAMESPACE,
    PRIVACY_WORKER,
    RUN_ACCOUNT,
    TENANT_LABEL,
    namespace_of,
    secret_name,
)
from coworker_pipelines.connections.locating import Located
from coworker_pipelines.connectors.registry import kinds
from coworker_pipelines.defs.partitions import span_of
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.provisioning.access import DAGSTER_DATABASE_URL
from coworker_pipelines.secrets.references import (
    access_reference,
    source_reference,
    token_reference,
)
from coworker_pipelines.settings import (
    DAGSTER_DATABASE_URL_FILE,
    DATABASE_URL_FILE,
    ELASTICSEARCH_PASSWORD_FILE,
    ELASTICSEARCH_USER,
    JOURNAL_KEY_FILE,
    MASTER_KEY_FILE,
    MOUNT,
    RUN_DAGSTER_DATABASE_URL_FILE,
    RUN_DATABASE_URL_FILE,
    SECRETS,
    SIGNING_KEY_FILE,
    SecretsIn,
)

MOUNT_PATH: Final = "/var/run/coworker"
DEFAULT_KIND: Final = "default"
COMPONENT_FOLDER: Final = "component"
_OPTIONAL: Final = frozenset({"token"})
"""Only what OAuth lets in has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedSecret:
    """A Secret of the run's own namespace; its values are files in ``folder``."""

    name: str
    folder: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """``kind`` is whose resources the run gets; ``api_token`` lets it talk to Kubernetes."""

    namespace: str
    service_account: str
    secrets: tuple[MountedSecret, ...]
    environment: Mapping[str, str]
    kind: str = DEFAULT_KIND
    labels: Mapping[str, str] = field(default_factory=dict)
    api_token: bool = False


Locate = Callable[[str], Located]
"""Finds the connection behind a handle, by its ids alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of ours that a run without a partition works as, with that part's own Secret."""

    name: str
    files: tuple[str, ...]
    api_token: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


_CODE_LOCATION: Final = Component(
    name="code-location", files=(DATABASE_URL_FILE, DAGSTER_DATABASE_URL_FILE)
)
_CONTROL_PLANE: Final = Component(
    name=CONTROL_PLANE,
    files=(
        DATABASE_URL_FILE,
        DAGSTER_DATABASE_URL_FILE,
        ELASTICSEARCH_PASSWORD_FILE,
        MASTER_KEY_FILE,
        JOURNAL_KEY_FILE,
        RUN_DATABASE_URL_FILE,
        RUN_DAGSTER_DATABASE_URL_FILE,
    ),
    api_token=True,
)
_OAUTH_REFRESHER: Final = Component(
    name=OAUTH_REFRESHER, files=(DATABASE_URL_FILE, DAGSTER_DATABASE_URL_FILE), api_token=True
)
_PRIVACY_WORKER: Final = Component(
    name=PRIVACY_WORKER,
    files=(
        DATABASE_URL_FILE,
        DAGSTER_DATABASE_URL_FILE,
        ELASTICSEARCH_PASSWORD_FILE,
        # Who is looked for is known by keys of the tenant's, which are made from this one.
        MASTER_KEY_FILE,
        # Nobody else signs receipts.
        SIGNING_KEY_FILE,
        JOURNAL_KEY_FILE,
    ),
    api_token=True,
    # Another user than the control plane's, with the right to remove and none to make keys.
    environment={ELASTICSEARCH_USER: "coworker-privacy"},
)
_DISPATCHER: Final = Component(
    name=DISPATCHER, files=(DATABASE_URL_FILE, DAGSTER_DATABASE_URL_FILE), api_token=True
)
COMPONENTS: Final[Mapping[str, Component]] = {
    **{f"check_{kind}": _CODE_LOCATION for kind in kinds()},
    "check_actions": _CODE_LOCATION,
    "check_decisions": _CODE_LOCATION,
    "rotate_keys": _CONTROL_PLANE,
    "oauth_tokens": _OAUTH_REFRESHER,
    "delete": _PRIVACY_WORKER,
    "erase": _PRIVACY_WORKER,
    "retention": _PRIVACY_WORKER,
    "dispatch_actions": _DISPATCHER,
}
"""Whoever may launch a run may choose its job, so a job stands here or does not run."""


def placement_of(run: DagsterRun, locate: Locate) -> Placement:
    """The run's place.

    Raises:
        TenantActionError: its partition names no connection.
        RefusedError: it has no partition, and its job none in the table.
    """
    span = span_of(run.tags)
    if span is not None:
        return _of_connection(locate(span.connection))
    component = COMPONENTS.get(run.job_name)
    if component is None:
        raise RefusedError(
            f"The job {run.job_name} works on a connection: choose a connection and a window."
        )
    return _of_component(component)


def _of_connection(located: Located) -> Placement:
    scope = located.scope
    references = (source_reference(scope), access_reference(scope), token_reference(scope))
    return Placement(
        namespace=namespace_of(scope.tenant),
        service_account=RUN_ACCOUNT,
        secrets=tuple(_mounted(reference) for reference in references),
        environment={
            MOUNT: MOUNT_PATH,
            DAGSTER_DATABASE_URL_FILE: f"{MOUNT_PATH}/access/{DAGSTER_DATABASE_URL}",
        },
        kind=located.kind,
        labels={TENANT_LABEL: scope.tenant, CONNECTION_LABEL: scope.connection},
    )


def _mounted(reference: str) -> MountedSecret:
    secret = secret_name(reference)
    assert secret.place.name is not None
    return MountedSecret(
        name=secret.place.name, folder=secret.part, optional=secret.part in _OPTIONAL
    )


def _of_component(component: Component) -> Placement:
    folder = f"{MOUNT_PATH}/{COMPONENT_FOLDER}"
    return Placement(
        namespace=OWN_NAMESPACE,
        service_account=component.name,
        secrets=(MountedSecret(name=component.name, folder=COMPONENT_FOLDER),),
        environment={
            SECRETS: SecretsIn.KUBERNETES,
            **{name: f"{folder}/{_value_name(name)}" for name in component.files},
            **component.environment,
        },
        labels={"coworker.io/component": component.name},
        api_token=component.api_token,
    )


def _value_name(variable: str) -> str:
    """``COWORKER_DATABASE_URL_FILE`` names the file ``database_url``."""
    return variable.removeprefix("COWORKER_").removesuffix("_FILE").lower()
