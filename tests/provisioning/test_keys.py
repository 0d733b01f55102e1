"""Secrets and keys of a connection that is there are replaced without a gap."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import (
    RefusedError,
    TenantActionError,
)
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.keys import ROTATED_BEFORE
from coworker_pipelines.secrets.references import source_reference
from tests.provisioning.office import BrokenSecretStore, FullDiskError, Office


def test_a_changed_secret_is_checked_before_the_old_one_goes(
    office: Office, database_url: str
) -> None:
    role = f"shop_{office.tenant}"
    _, _, rest = database_url.removeprefix("postgresql+psycopg://").partition("@")
    form = {"url": f"postgresql://{role}@{rest}", "password": Secret("the first password")}
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as source:
        source.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'the first password'".encode())
        try:
            source.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
            handle = office.maker.make(replace(office.order, form=form))
            reference = source_reference(office.scope(handle))
            with pytest.raises(TenantActionError, match="password"):
                office.maker.change(handle, {"password": Secret("not the password")})
            assert office.store.get(reference)["password"] == Secret("the first password")
            source.execute(f"ALTER ROLE {role} PASSWORD 'the next password'".encode())
            office.maker.change(handle, {"password": Secret("the next password")})
            assert office.store.get(reference)["password"] == Secret("the next password")
            assert office.maker.check(handle)
        finally:
            source.execute(f"DROP OWNED BY {role}".encode())
            source.execute(f"DROP ROLE {role}".encode())


def test_a_key_is_replaced_and_the_one_before_stays_for_runs_under_way(office: Office) -> None:
    handle = office.maker.make(office.order)
    scope = office.scope(handle)
    first = office.api_key(scope)
    expires_at = office.maker.keys.rotate(handle)
    second = office.api_key(scope)
    assert (office.opens(first), office.opens(second)) == (True, True)
    office.maker.keys.rotate(handle)
    assert (office.opens(first), office.opens(second)) == (False, True)
    office.maker.keys.rotate(handle, at_once=True)
    assert (office.opens(second), office.opens(office.api_key(scope))) == (False, True)
    assert len(office.keys()) == 1
    with office.maker.database.control() as session:
        kept = find_connection(session, handle).key_expires_at
        assert kept is not None
        assert kept >= expires_at


def test_keys_are_rotated_when_half_of_their_life_is_over(office: Office) -> None:
    handle = office.maker.make(office.order)
    with office.maker.database.control() as session:
        expires_at = find_connection(session, handle).key_expires_at
    assert expires_at is not None
    early = FixedClock(expires_at - ROTATED_BEFORE - timedelta(minutes=1))
    due = FixedClock(expires_at - ROTATED_BEFORE)
    keys = office.maker.keys
    assert replace(keys, clock=early).rotate_expiring(limit=10) == []
    assert replace(keys, clock=due).rotate_expiring(limit=10) == [handle]


def test_a_key_that_could_not_be_handed_over_is_taken_back(office: Office) -> None:
    handle = office.maker.make(office.order)
    before = office.api_key(office.scope(handle))
    broken = BrokenSecretStore("access/", is_late=False)
    with pytest.raises(FullDiskError):
        replace(office.maker.keys, secrets=broken).rotate(handle)
    assert len(office.keys()) == 1
    assert office.opens(before)


def test_who_cannot_read_secrets_needs_all_of_them_for_a_change(office: Office) -> None:
    handle = office.maker.make(office.order)
    blind = replace(office.maker, reader=None)
    with pytest.raises(TenantActionError, match="Give password again"):
        blind.change(handle, {"tables": {}})
    with pytest.raises(RefusedError, match="cannot read the secrets"):
        blind.check(handle)
    blind.change(handle, {"tables": {}, "password": Secret(office.password)})
    assert office.maker.check(handle)
