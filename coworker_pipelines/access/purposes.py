"""Why our own parts have the rights that they have: a closed table, next to the code.

What stands here is a reason that was thought about once. A right that is not here, or that is
wider than its entry, is reported as unexplained; so this table is changed together with the
rights, and by a review of the code.
"""

from typing import Final

from coworker_pipelines.access.action_purposes import ACTIONS
from coworker_pipelines.access.automation_purposes import AUTOMATION
from coworker_pipelines.access.cloud_purposes import CLOUD
from coworker_pipelines.access.database import ATTRIBUTES, OWN_LOGIN, OWN_SERVER, RUN_LOGIN
from coworker_pipelines.access.elasticsearch import BUILT_IN, OWN_NODE, OWN_USER
from coworker_pipelines.access.grants import Grant, Store
from coworker_pipelines.access.privacy_purposes import PRIVACY, PRIVACY_IN_CLUSTER
from coworker_pipelines.access.purpose import Purpose
from coworker_pipelines.access.retention_purposes import RETENTION
from coworker_pipelines.cluster.names import (
    CONTROL_PLANE,
    DAEMON,
    DISPATCHER,
    OAUTH_REFRESHER,
    OWN_NAMESPACE,
)
from coworker_pipelines.documents.access import PRIVILEGES
from coworker_pipelines.kernel.ids import RANDOM_CHARACTERS

ROWS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


def purpose_of(grant: Grant) -> str | None:
    """Why somebody has this right; ``None`` where nobody wrote it down."""
    return next((purpose.why for purpose in PURPOSES if purpose.explains(grant)), None)


def _database(subject: str, on: str, may: tuple[str, ...], why: str) -> Purpose:
    return Purpose(store=Store.DATABASE, subject=subject, on=on, may=frozenset(may), why=why)


def _run(on: str, may: tuple[str, ...], why: str) -> Purpose:
    return _database("role coworker_run", on, may, why)


def _control(on: str, may: tuple[str, ...], why: str) -> Purpose:
    return _database("role coworker_control", on, may, why)


_RUNS: Final = (
    Purpose(
        store=Store.DATABASE,
        subject="role coworker_run",
        on="connections (*)",
        never_on="*fingerprint*",
        may=frozenset({"SELECT"}),
        why="A run reads its connection's settings, and no fingerprint of a secret.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="role coworker_run",
        on="selections (*)",
        never_on="*made_by*",
        may=frozenset({"SELECT"}),
        why="A run reads what the tenant lets in, and not who chose it.",
    ),
    _run("stream_states", ROWS[:3], "A run commits its cursor and its counts."),
    _run("syncs", ROWS[:3], "A run records its sync and how it ended."),
    _run("sync_streams", ROWS[:3], "A run records the balance of its sync."),
    _run("pending_derivations", ("SELECT", "INSERT", "DELETE"), "A run notes what to derive."),
    _run("rejected_records", ("SELECT", "INSERT", "DELETE"), "A run keeps what it cannot store."),
    _run("suppressed_keys", ROWS[:1], "A run leaves out what an erased person's data is."),
    _run(
        "suppressions (id, tenant_id, connection_id, stream, generation)",
        ROWS[:1],
        "A run learns that the list has changed, and not who ordered it and why.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="role coworker_run",
        on="orders (*)",
        never_on="*reason*",
        may=frozenset({"SELECT"}),
        why="A run takes nothing in for what is being deleted, and does not see who ordered it.",
    ),
)
_LOCATOR: Final = (
    _database(
        "role coworker_locator",
        "connections (id, tenant_id, handle, kind, epoch)",
        ROWS[:1],
        "Dagster finds out whose a run is before it launches it.",
    ),
)
_CONTROL: Final = (
    _control("tenants", ROWS[:3], "The control plane makes tenants."),
    _control("connections", ROWS[:3], "The control plane makes and changes connections."),
    _control("selections", ROWS[:2], "What was selected, when and by whom is never changed."),
    _control("selections (applied_at)", ("UPDATE",), "A removal that was carried out is noted."),
    _control("stream_states", ROWS, "What a selection takes out loses its cursors."),
    _control("syncs", ROWS[:3], "Syncs are listed, and ended where their run was killed."),
    _control("sync_streams", ROWS[:3], "Balances are listed."),
    _control("pending_derivations", ROWS, "What a selection takes out is not derived any more."),
    _control("rejected_records", ("SELECT", "DELETE"), "What is taken out is removed here too."),
    _control("suppressed_keys", ("SELECT", "INSERT", "DELETE"), "Suppressions are lifted here."),
    _control("suppressions", ROWS[:3], "Suppressions are listed and lifted; each stays on record."),
    _control("receipts", ROWS[:1], "Receipts are shown and exported."),
    _control("journal_entries", ROWS[:2], "What is ordered is noted, for after a restore."),
    _control(
        "journal_entries (published, done_at)", ("UPDATE",), "How far an order is, is noted too."
    ),
    _control(
        "oauth_grants", ROWS[:3], "Grants are listed and renewed; their tokens rest elsewhere."
    ),
    _control("access_reviews", ROWS[:2], "Reviews are added and read; none is ever changed."),
    _control("orders", ROWS[:3], "Orders to remove data are made, confirmed and listed."),
    _control("order_targets", ROWS[:1], "What an order has done so far is shown."),
    _control("document_readings", ROWS[:2], "Readings are added and read; none is ever changed."),
)


_DATABASE: Final = (
    Purpose(
        store=Store.DATABASE,
        subject="role *",
        on="role coworker_*",
        may=frozenset({"take on", "inherit", "give on"}),
        through=OWN_LOGIN,
        why="Our own login takes on the run's or the control plane's role in every transaction.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="role *",
        on="*",
        may=frozenset({"log in", "own", "create roles", "create databases"}),
        through=OWN_LOGIN,
        why="Our own login: it owns the tables and brings them to their newest revision.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="role *",
        on="role coworker_run",
        may=frozenset({"take on", "inherit"}),
        through=RUN_LOGIN,
        why="A run's login takes on the run's role, and has no other.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="role *",
        on="server",
        may=frozenset({"log in"}),
        through=RUN_LOGIN,
        why="A run's login: it owns nothing and has no attribute.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="everybody",
        on="function coworker_tenant",
        may=frozenset({"EXECUTE as its owner"}),
        why="Tells a session whether its pass is its tenant's, and shows nothing else.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="role *",
        on="*",
        may=frozenset({*ATTRIBUTES.values(), "own", "take on", "inherit", "give on"}),
        through=OWN_SERVER,
        why="This machine's own Postgres has one login, which made it; no other machine uses it.",
    ),
    Purpose(
        store=Store.DATABASE,
        subject="everybody",
        on="this database",
        may=frozenset({"CONNECT", "TEMPORARY"}),
        why="Postgres lets every login of the server connect; no table is opened by it.",
    ),
)
_ELASTICSEARCH: Final = (
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="key cw.t*.c*",
        on="cw.t*.c*.*",
        may=frozenset(PRIVILEGES),
        own_indices=True,
        why="A run reads and writes the indices of its own connection.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="role coworker_control",
        on="cw.*",
        may=frozenset({"all"}),
        why="The control plane makes, counts and removes the indices of connections.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="role coworker_control",
        on="cluster",
        may=frozenset({"monitor", "monitor_snapshot", "manage_index_templates", "manage_api_key"}),
        why="The control plane mints and ends the keys of connections, and asks for shards.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="user *",
        on="cluster",
        may=frozenset({"role superuser"}),
        through=OWN_NODE,
        why="This machine's own node has one user, which made it; it answers on loopback alone.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="user *",
        on="cluster",
        may=frozenset({"role coworker_control"}),
        through=OWN_USER,
        why="The control plane's own user.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="user *",
        on="cluster",
        may=frozenset(
            f"role {name}"
            for name in (
                *("superuser", "kibana_system", "logstash_system", "beats_system", "apm_system"),
                *("remote_monitoring_collector", "remote_monitoring_agent"),
            )
        ),
        through=BUILT_IN,
        why="Comes with Elasticsearch; without a password that somebody set, it is closed.",
    ),
)
_FILES: Final = (
    Purpose(
        store=Store.FILES,
        subject="user *",
        on="*",
        may=frozenset({"read", "write", "enter"}),
        through="owner, *",
        why="Owns the state of this machine's deployment.",
    ),
    Purpose(
        store=Store.FILES,
        subject="*",
        on="state",
        may=frozenset({"read", "enter"}),
        why="The folder itself holds no data; what must be closed in it is closed by itself.",
    ),
)


_TENANT: Final = "in cw-t" + "?" * RANDOM_CHARACTERS
_GRANTS: Final = f"{_TENANT}-oauth"
_EGRESS: Final = f"{_TENANT}-egress"
_EVERY_VERB: Final = (
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
)  # fmt: skip
_OURS: Final = f"in {OWN_NAMESPACE}"


def _account(name: str, on: str, may: str, why: str) -> Purpose:
    return Purpose(
        store=Store.KUBERNETES,
        subject=f"service account {OWN_NAMESPACE}/{name}",
        on=on,
        may=frozenset(may.split()),
        why=why,
    )


_KUBERNETES: Final = (
    *(
        _account(
            CONTROL_PLANE, f"secrets {where}", "create update delete",
            "Puts a connection's secrets away, and takes them away; reads none.",
        )
        for where in (_TENANT, _GRANTS, _EGRESS)
    ),
    _account(
        CONTROL_PLANE, "rolebindings everywhere", "create patch",
        "Binds our own roles in the namespaces of tenants; admission keeps it to these.",
    ),
    _account(
        CONTROL_PLANE, "clusterroles (coworker-tenant-*) everywhere", "bind",
        "May hand out the roles of a tenant's namespace, and no others.",
    ),
    *(
        _account(
            DAEMON, f"jobs {where}", "get list watch create delete",
            "Launches runs, follows them and cleans up behind them.",
        )
        for where in (_TENANT, _OURS)
    ),
    *(
        _account(DAEMON, f"pods {where}", "get list watch", "Sees how a run's pod ended.")
        for where in (_TENANT, _OURS)
    ),
    _account(
        OAUTH_REFRESHER, f"secrets {_GRANTS}", "get list patch update",
        "Refreshes OAuth grants, which it alone may read.",
    ),
    _account(
        OAUTH_REFRESHER, f"secrets {_TENANT}", "create update",
        "Puts a fresh access token where its connection's run finds it.",
    ),
    _account(
        DISPATCHER, f"secrets {_EGRESS}", "get",
        "Sends to destinations, whose secrets it alone may read.",
    ),
    *PRIVACY_IN_CLUSTER,
    *(
        Purpose(
            store=Store.KUBERNETES,
            subject="group *",
            on=f"{resource} {_OURS}",
            may=frozenset(may.split()),
            through="role operator, *",
            why="Operators look at our components, and enter the control plane's pod alone.",
        )
        for resource, may in (
            ("pods/exec (control-plane-0)", "create"),
            ("pods/log", "get"),
            ("pods", "get list watch"),
            ("jobs", "get list watch"),
        )
    ),
    Purpose(
        store=Store.KUBERNETES,
        subject="group system:masters",
        on="*",
        may=frozenset({"*"}),
        through="cluster role cluster-admin, *",
        why="Whoever holds the cluster's own administrator certificate; kept for emergencies.",
    ),
    Purpose(
        store=Store.KUBERNETES,
        subject="service account kube-system/*",
        on="*",
        may=frozenset({*_EVERY_VERB, "escalate", "*"}),
        through="cluster role system:*",
        why="One of Kubernetes' own controllers.",
    ),
    Purpose(
        store=Store.KUBERNETES,
        subject="user system:kube-*",
        on="*",
        may=frozenset(_EVERY_VERB),
        through="cluster role system:*",
        why="One of Kubernetes' own components.",
    ),
)  # fmt: skip

PURPOSES: Final = (
    *_RUNS, *_LOCATOR, *_CONTROL, *PRIVACY, *RETENTION, *AUTOMATION, *ACTIONS, *_DATABASE,
    *_ELASTICSEARCH, *_FILES, *_KUBERNETES, *CLOUD,
)  # fmt: skip
