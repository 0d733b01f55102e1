"""Subject keys whose records are not taken in again."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import SuppressedKey


def suppressed_keys(session: Session, tenant_id: str) -> frozenset[str]:
    """The tenant's list. If it cannot be read, the error goes up and nothing is written."""
    return frozenset(
        session.scalars(select(SuppressedKey.key).where(SuppressedKey.tenant_id == tenant_id))
    )
