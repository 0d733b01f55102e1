"""Dagster's tables: what in them is a connection's own, and what names it among others.

Written for Dagster's schema as it is; a test compares the tables here with those that are there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from coworker_pipelines.defs.partitions import CONNECTION_TAG, TENANT_TAG, connections_of
from coworker_pipelines.defs.traces.names import REPLACED, names_pattern
from coworker_pipelines.privacy.reached import Reached

_OF_RUNS: Final = "run_id = ANY(:runs)"
_PARTITION: Final = "split_part(partition, '|', 1) = ANY(:handles)"
OWN: Final = {
    "asset_event_tags": (
        f"event_id IN (SELECT id FROM event_logs WHERE {_OF_RUNS} OR {_PARTITION}) "
        "OR split_part(value, '|', 1) = ANY(:handles)"
    ),
    "asset_check_executions": f"{_OF_RUNS} OR {_PARTITION}",
    "event_logs": f"{_OF_RUNS} OR {_PARTITION}",
    "concurrency_slots": _OF_RUNS,
    "pending_steps": _OF_RUNS,
    "backfill_tags": (
        "value = ANY(:handles) OR backfill_id IN (SELECT key FROM bulk_actions WHERE body ~ :names)"
    ),
    "bulk_actions": "body ~ :names",
    "dynamic_partitions": "partition = ANY(:handles) AND partitions_def_name LIKE :definitions",
    "run_tags": f"{_OF_RUNS} OR value = ANY(:handles)",
    "runs": _OF_RUNS,
}
"""Deleted, in this order: what refers to others comes first."""
SHARED: Final = {
    "event_logs": ("event",),
    "asset_check_executions": ("evaluation_event",),
    "job_ticks": ("tick_body",),
    "jobs": ("job_body",),
    "instigators": ("instigator_body",),
    "asset_daemon_asset_evaluations": ("asset_evaluation_body",),
    "kvs": ("key", "value"),
    "asset_keys": ("asset_details", "tags"),
}
"""Columns of text in which a name is masked."""
CACHED: Final = "cached_status_data ~ :names"
LAST: Final = "last_materialization ~ :names OR last_run_id = ANY(:runs)"
_RUNS: Final = text(
    "SELECT run_id FROM run_tags WHERE key = :connection_tag AND value = ANY(:handles) "
    "UNION SELECT run_id FROM run_tags WHERE key = :tenant_tag AND value = :slug "
    "UNION SELECT run_id FROM runs WHERE run_body ~ :names"
)
_HANDLES: Final = text(
    "SELECT partition FROM dynamic_partitions "
    "WHERE starts_with(partition, :prefix) AND partitions_def_name LIKE :definitions "
    "UNION SELECT value FROM run_tags "
    "WHERE key = :connection_tag AND starts_with(value, :prefix)"
)
_LIKE_OF_KINDS: Final = (connections_of("").name or "").replace("_", r"\_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Which runs, and which handles, an order reaches."""

    runs: tuple[str, ...]
    handles: tuple[str, ...]

    @property
    def names(self) -> str:
        return names_pattern(self.handles)

    def parameters(self) -> dict[str, Any]:
        return {
            "runs": list(self.runs),
            "handles": list(self.handles),
            "names": self.names,
            "definitions": f"%{_LIKE_OF_KINDS}",
        }


def find_traces(connection: Connection, reached: Reached) -> Traces:
    """What is known of the reached; of a tenant also by connections that were there before."""
    handles = set(reached.handles)
    parameters = {"connection_tag": CONNECTION_TAG, "definitions": f"%{_LIKE_OF_KINDS}"}
    if reached.is_whole_tenant:
        earlier = {**parameters, "prefix": f"{reached.slug}."}
        handles |= set(connection.execute(_HANDLES, earlier).scalars())
    named = {
        **parameters,
        "handles": sorted(handles),
        "names": names_pattern(handles),
        "tenant_tag": TENANT_TAG,
        # No tenant is called by nothing.
        "slug": reached.slug if reached.is_whole_tenant else "",
    }
    runs = connection.execute(_RUNS, named).scalars()
    return Traces(runs=tuple(sorted(runs)), handles=tuple(sorted(handles)))


def count_rows(connection: Connection, traces: Traces) -> int:
    """Rows that are the reached's own, and rows that name it."""
    parameters = traces.parameters()
    conditions = [*OWN.items(), ("asset_keys", f"{CACHED} OR {LAST}")]
    conditions += [(table, _names_in(columns)) for table, columns in SHARED.items()]
    return sum(
        connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"), parameters).scalar()
        or 0
        for table, where in conditions
    )


def delete_rows(connection: Connection, traces: Traces) -> int:
    """After this no row is the reached's own, and none names it; how many there were.

    ``asset_keys`` has to be looked after before, as long as it is known which runs are meant.
    """
    parameters = traces.parameters()
    statements = [f"DELETE FROM {table} WHERE {where}" for table, where in OWN.items()]
    statements.append(f"UPDATE asset_keys SET cached_status_data = NULL WHERE {CACHED}")
    statements += [
        f"UPDATE {table} SET {_masking(columns)} WHERE {_names_in(columns)}"
        for table, columns in SHARED.items()
    ]
    return sum(connection.execute(text(each), parameters).rowcount for each in statements)


def _names_in(columns: Sequence[str]) -> str:
    return " OR ".join(f"{column} ~ :names" for column in columns)


def _masking(columns: Sequence[str]) -> str:
    # Twice: two names with one character between them share it.
    return ", ".join(
        f"{column} = regexp_replace(regexp_replace({column}, :names, '{REPLACED}', 'g'), "
        f":names, '{REPLACED}', 'g')"
        for column in columns
    )
