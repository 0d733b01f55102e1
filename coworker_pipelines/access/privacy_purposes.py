"""Why whoever carries out orders has the rights that he has; read with ``purposes``."""

from typing import Final

from coworker_pipelines.access.grants import Store
from coworker_pipelines.access.purpose import Purpose
from coworker_pipelines.cluster.names import OWN_NAMESPACE, PRIVACY_WORKER
from coworker_pipelines.kernel.ids import RANDOM_CHARACTERS


def _privacy(on: str, may: tuple[str, ...], why: str) -> Purpose:
    # MAINTAIN goes with each: what is removed leaves dead rows, which are cleared away.
    return Purpose(
        store=Store.DATABASE,
        subject="role coworker_privacy",
        on=on,
        may=frozenset({*may, "MAINTAIN"}),
        why=why,
    )


PRIVACY: Final = (
    _privacy("tenants", ("SELECT", "DELETE"), "A tenant's deletion ends with its row."),
    _privacy("connections", ("SELECT", "DELETE"), "A connection's deletion ends with its row."),
    _privacy(
        "connections (due_at, epoch, key_expires_at, paused_at)",
        ("UPDATE",),
        "A deletion shuts out writers first, and lets no further sync begin.",
    ),
    _privacy("selections", ("SELECT", "DELETE"), "Goes with the connection that it was made for."),
    *(
        _privacy(table, ("SELECT", "DELETE"), "Goes with the connection whose syncs made it.")
        for table in (
            *("stream_states", "syncs", "sync_streams", "pending_derivations"),
            *("rejected_records", "oauth_grants"),
        )
    ),
    _privacy(
        "suppressed_keys",
        ("SELECT", "INSERT", "DELETE"),
        "Whom an erasure took out is not taken in again.",
    ),
    _privacy(
        "suppressions",
        ("SELECT", "INSERT", "UPDATE", "DELETE"),
        "Whom an erasure took out is not taken in again; goes with its tenant.",
    ),
    _privacy("receipts", ("SELECT", "INSERT"), "Receipts are made, and never changed."),
    _privacy("journal_entries", ("SELECT", "INSERT"), "What is carried out is noted."),
    _privacy(
        "journal_entries (published, done_at)", ("UPDATE",), "How far an order is, is noted too."
    ),
    _privacy("document_readings", ("SELECT", "DELETE"), "Goes with its tenant."),
    _privacy(
        "document_readings (sealed_key)", ("UPDATE",), "Who read stays known; what was read goes."
    ),
    _privacy(
        "orders",
        ("SELECT", "INSERT", "UPDATE"),
        "Orders are carried out, and what has come of them is noted.",
    ),
    _privacy(
        "order_targets", ("SELECT", "INSERT", "UPDATE"), "What was done to each place is noted."
    ),
)
_TENANT: Final = "in cw-t" + "?" * RANDOM_CHARACTERS
PRIVACY_IN_CLUSTER: Final = (
    *(
        Purpose(
            store=Store.KUBERNETES,
            subject=f"service account {OWN_NAMESPACE}/{PRIVACY_WORKER}",
            on=f"secrets {where}",
            may=frozenset({"delete"}),
            why="A deletion takes a connection's secrets away; it sees none.",
        )
        for where in (_TENANT, f"{_TENANT}-oauth", f"{_TENANT}-egress")
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="role coworker_privacy",
        on="cw.*",
        may=frozenset({"read", "write", "manage"}),
        why="Deletions, erasures and sweeps remove documents and indices, and their bytes.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="role coworker_privacy",
        on="cw.instance.*",
        may=frozenset({"create_index"}),
        why="What is done is marked in the cluster, so that one that is put back shows it.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="role coworker_privacy",
        on="cluster",
        may=frozenset({"monitor", "monitor_snapshot", "manage_api_key"}),
        why="A deletion ends the keys of what goes, and looks whether a snapshot holds it.",
    ),
    Purpose(
        store=Store.ELASTICSEARCH,
        subject="user coworker-privacy",
        on="cluster",
        may=frozenset({"role coworker_privacy"}),
        why="Who carries out orders is a user of his own.",
    ),
)
