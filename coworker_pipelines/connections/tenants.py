"""Tenants: the clients."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from coworker_pipelines.connections.naming import checked_name, unknown
from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.kernel.errors import DefectError, RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.secrets.cipher import KEY_BYTES
from coworker_pipelines.secrets.keys import MasterKey, TenantKeys


def add_tenant(
    session: Session, master: MasterKey, *, slug: str, name: str, now: datetime
) -> Tenant:
    """A new tenant, with what its keys are made of and what its pass is held against.

    Raises:
        TenantActionError: the slug is malformed or taken.
    """
    checked_name(slug, "tenant")
    tenant_id = new_id(IdPrefix.TENANT)
    tenant = Tenant(
        id=tenant_id,
        slug=slug,
        name=name,
        key_salt=secrets.token_hex(KEY_BYTES),
        pass_digest=_pass_digest(master, tenant_id),
        created_at=now,
    )
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


def tenant_keys(session: Session, master: MasterKey, tenant_id: str) -> TenantKeys:
    """The tenant's keys, made anew each time.

    Raises:
        DefectError: there is no such tenant.
        RefusedError: it was made under another master key, so its keys would be others now.
    """
    found = session.execute(
        select(Tenant.key_salt, Tenant.pass_digest).where(Tenant.id == tenant_id)
    ).one_or_none()
    if found is None:
        raise DefectError("The keys of a tenant were asked for that is not there.")
    salt, digest = found
    if salt is None or digest != _pass_digest(master, tenant_id):
        raise RefusedError(
            "This tenant was made under another master key: put that key back, or what is stored "
            "could not be read any more."
        )
    return master.tenant_keys(tenant_id, salt)


def list_tenants(session: Session) -> Sequence[Tenant]:
    return session.scalars(select(Tenant).order_by(Tenant.slug)).all()


def _pass_digest(master: MasterKey, tenant_id: str) -> bytes:
    return hashlib.sha256(master.database_pass(tenant_id).get_secret_value().encode()).digest()
