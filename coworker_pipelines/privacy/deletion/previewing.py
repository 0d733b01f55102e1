"""What a deletion would take away, now."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import Selection
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.targets import Remover, targets_for


def scope_of(session: Session, reached: Reached) -> dict[str, Any]:
    """What is confirmed: which connections, in which epoch, with which selection. No name."""
    found = session.execute(
        select(Selection.connection_id, func.max(Selection.version).label("version"))
        .where(Selection.tenant_id == reached.extent.tenant)
        .group_by(Selection.connection_id)
    )
    versions = {row.connection_id: row.version for row in found}
    return {
        "tenant": reached.extent.tenant,
        "stream": reached.extent.stream is not None,
        "connections": [
            [connection.id, connection.epoch, versions.get(connection.id)]
            for connection in reached.connections
        ],
    }


def counts_of(reached: Reached, removers: Mapping[str, Remover]) -> dict[str, int | None]:
    """What each target holds; ``None`` where it cannot be counted now."""
    return {
        entry.name: _counted(removers[entry.name], reached) for entry in targets_for(reached.extent)
    }


def _counted(remover: Remover, reached: Reached) -> int | None:
    try:
        return remover.count(reached)
    except RetryLaterError:
        return None
