"""Where a tenant lets something be sent: authorised, looked up, withdrawn."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, undefer

from coworker_pipelines.automation.action_rows import DestinationRow
from coworker_pipelines.automation.actions.types import NAME_PATTERN
from coworker_pipelines.automation.egress.kinds import WAYS, DestinationKind
from coworker_pipelines.automation.egress.signing import new_signing_secret
from coworker_pipelines.automation.expressions.refusal import nearest
from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.references import destination_reference
from coworker_pipelines.secrets.store import SecretWriter

RECIPIENTS_MAX: Final = 20
IN_FORCE_MAX: Final = 100
"""Destinations of a tenant that are in force at once."""
ADDRESS: Final = "address"
SIGNING: Final = "signing"
PASSWORD: Final = "password"  # noqa: S105 - a name
USER: Final = "user"
_MAILBOX: Final = re.compile(r"[^\s@<>\",;:\\]{1,64}@[A-Za-z0-9.-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """What a person allows. ``address`` is whole, and may hold a secret in its path.

    ``signing`` and ``login`` are those of the receiver, where it has given some: without, a
    webhook's secret is made.
    """

    name: str
    kind: DestinationKind
    address: Secret
    fields: tuple[str, ...]
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    signing: Secret | None = None
    login: tuple[str, Secret] | None = None


def authorise(
    session: Session,
    secrets: SecretWriter,
    tenant: str,
    given: Authorisation,
    *,
    by: str,
    now: datetime,
) -> tuple[DestinationRow, Secret | None]:
    """The destination, in force; and the secret by which it knows us, if one was made for it.

    One of the same name that was in force is withdrawn by it.

    Raises:
        TenantActionError: it makes no sense; the sentence says what, and holds no address.
        RefusedError: there are too many.
    """
    shown = _checked(given)
    before = _in_force(session, tenant, given.name)
    if before is not None:
        before.withdrawn_by, before.withdrawn_at = by, now
        session.flush()
    elif len(destinations_of(session, tenant)) >= IN_FORCE_MAX:
        raise RefusedError(f"{IN_FORCE_MAX} destinations are in force, which is the most.")
    made = new_signing_secret() if _needs_signing(given) else None
    row = DestinationRow(
        id=new_id(IdPrefix.DESTINATION),
        tenant_id=tenant,
        name=given.name,
        kind=given.kind,
        address=shown,
        sender=given.sender,
        recipients=list(given.recipients),
        fields=sorted(given.fields),
        authorised_by=by,
        authorised_at=now,
    )
    # First, so that nothing is in force without them; what a crash leaves goes with its tenant.
    secrets.put(destination_reference(tenant, row.id), _secrets(given, made))
    session.add(row)
    session.flush()
    return row, made


def withdraw(session: Session, tenant: str, name: str, *, by: str, now: datetime) -> DestinationRow:
    """After this transaction nothing is sent there any more. Its secrets are the caller's to take.

    Raises:
        TenantActionError: there is none of that name in force.
    """
    found = find_destination(session, tenant, name)
    found.withdrawn_by, found.withdrawn_at = by, now
    session.flush()
    return found


def find_destination(session: Session, tenant: str, name: str) -> DestinationRow:
    """The one that is in force.

    Raises:
        TenantActionError: there is none.
    """
    found = _in_force(session, tenant, name)
    if found is None:
        names = [one.name for one in destinations_of(session, tenant)]
        raise unknown("destination", name, names)
    return found


def destinations_of(
    session: Session, tenant: str, *, withdrawn: bool = False
) -> Sequence[DestinationRow]:
    """Those in force, by name; or all that ever were, the latest first."""
    statement = _all(tenant)
    if withdrawn:
        return session.scalars(statement.order_by(DestinationRow.authorised_at.desc())).all()
    statement = statement.where(DestinationRow.withdrawn_at.is_(None))
    return session.scalars(statement.order_by(DestinationRow.name)).all()


def _all(tenant: str) -> Select[DestinationRow]:
    told = (DestinationRow.authorised_by, DestinationRow.authorised_at, DestinationRow.withdrawn_by)
    return (
        select(DestinationRow)
        .where(DestinationRow.tenant_id == tenant)
        .options(*(undefer(column) for column in told))
    )


def _in_force(session: Session, tenant: str, name: str) -> DestinationRow | None:
    return session.scalar(
        _all(tenant).where(DestinationRow.name == name, DestinationRow.withdrawn_at.is_(None))
    )


def _checked(given: Authorisation) -> str:
    """The part of its address that everybody may see."""
    if not re.fullmatch(NAME_PATTERN, given.name):
        raise TenantActionError(
            "A destination's name has lower-case letters, digits, '.', '_' and '-', 60 at the most."
        )
    way = WAYS[given.kind]
    if not given.fields:
        raise TenantActionError(
            f"Say what may be sent there, field by field: {', '.join(sorted(way.fields))}."
        )
    for name in given.fields:
        if name not in way.fields:
            hint = nearest(name, way.fields)
            raise TenantActionError(f"{name[:60]!r} is nothing to send to a {given.kind}.{hint}")
    if given.kind is DestinationKind.MAIL:
        _check_mail(given)
    elif given.sender or given.recipients or given.login:
        raise TenantActionError(f"A {given.kind} has no sender, recipients or login.")
    return _shown(given.address, way.schemes)


def _check_mail(given: Authorisation) -> None:
    if not given.sender or not given.recipients:
        raise TenantActionError("A mail has a sender and at least one recipient.")
    if len(given.recipients) > RECIPIENTS_MAX:
        raise TenantActionError(f"A mail has {RECIPIENTS_MAX} recipients at the most.")
    for mailbox in (given.sender, *given.recipients):
        if not _MAILBOX.fullmatch(mailbox):
            raise TenantActionError("A sender or recipient is no mail address.")


def _shown(address: Secret, schemes: tuple[str, ...]) -> str:
    """Scheme, host and port: the path of a chat's address is its password."""
    value = address.get_secret_value()
    parts = _split(value)
    if parts is None or parts.scheme not in schemes or not parts.hostname:
        beginnings = " or ".join(f"{scheme}://" for scheme in schemes)
        raise TenantActionError(f"Its address begins with {beginnings} and names a host.")
    if parts.username is not None or parts.password is not None:
        raise TenantActionError("An address holds no user or password.")
    if parts.fragment or not value.isascii() or any(letter <= " " for letter in value):
        raise TenantActionError("An address is plain ASCII, without a fragment.")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _needs_signing(given: Authorisation) -> bool:
    return given.kind is DestinationKind.WEBHOOK and given.signing is None


def _secrets(given: Authorisation, made: Secret | None) -> dict[str, Secret]:
    found = {ADDRESS: given.address}
    signing = given.signing or made
    if signing is not None:
        found[SIGNING] = signing
    if given.login is not None:
        found[USER], found[PASSWORD] = Secret(given.login[0]), given.login[1]
    return found
