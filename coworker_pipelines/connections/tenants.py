"""Tenants: the clients."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from coworker_pipelines.connections.naming import checked_name, unknown
from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id


def add_tenant(session: Session, *, slug: str, name: str, now: datetime) -> Tenant:
    """A new tenant.

    Raises:
        TenantActionError: the slug is malformed or taken.
    """
    checked_name(slug, "tenant")
    tenant = Tenant(id=new_id(IdPrefix.TENANT), slug=slug, name=name, created_at=now)
    try:
        with session.begin_nested():
            session.add(tenant)
    except IntegrityError as error:
        raise TenantActionError(f"There is a tenant {slug!r} already.") from error
    return tenant


def find_tenant(session: Session, slug: str) -> Tenant:
    """The tenant of that slug.

    Raises:
        TenantActionError: there is none.
    """
    tenant = session.scalar(select(Tenant).where(Tenant.slug == slug))
    if tenant is None:
        raise unknown("tenant", slug, session.scalars(select(Tenant.slug)))
    return tenant


def list_tenants(session: Session) -> Sequence[Tenant]:
    return session.scalars(select(Tenant).order_by(Tenant.slug)).all()
