"""The registry against what is really there: a place that it does not know fails here."""

import pytest
from sqlalchemy import text

from coworker_pipelines.assembly.deleting import ROW_TARGETS
from coworker_pipelines.database.database import Database
from coworker_pipelines.database.rows import Row
from coworker_pipelines.defs.traces.tables import OWN, SHARED
from coworker_pipelines.privacy.exemptions import EXEMPTIONS, exempted
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.names import CLEARED_FIRST, ERASED_FIRST, REGISTRATION
from coworker_pipelines.privacy.removers.rows import tables_of
from coworker_pipelines.privacy.targets import (
    TARGETS,
    Reach,
    registry_digest,
    target,
    targets_for,
    unregistered,
)
from tests.privacy.deletion.estate import Estate, tables_in


def test_every_table_of_our_database_is_a_target_or_exempt(database: Database) -> None:
    with database.control() as session:
        names = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
    assert len(names) > len(Row.metadata.tables)
    assert unregistered(f"table:{name}" for name in names) == []


def test_every_table_with_a_tenant_is_cleared_for_a_tenant() -> None:
    own = {table.name for table in Row.metadata.sorted_tables if "tenant_id" in table.columns}
    cleared = {table for name in ROW_TARGETS for table in tables_of(target(name))}
    exempt = {entry.place.removeprefix("table:") for entry in EXEMPTIONS}
    assert own <= cleared | exempt
    assert not cleared & exempt
    # What is proven, and what a restore has to do again, outlives whom it tells of, by ids alone.
    assert own & exempt == {"receipts", "journal_entries"}


def test_every_table_of_dagsters_is_a_target_or_exempt(shared_estate: Estate) -> None:
    names = tables_in(shared_estate.dagster_url)
    assert {"runs", "event_logs", "job_ticks"} <= names
    assert unregistered(f"dagster:{name}" for name in names) == []
    registered = {place.removeprefix("dagster:") for place in target("runs").places}
    assert {*OWN, *SHARED} == {name for name in registered if not name.startswith("state:")}
    assert {*OWN, *SHARED} <= names


def test_every_file_of_the_state_folder_is_a_target_or_exempt(shared_estate: Estate) -> None:
    shared_estate.connection("files")
    state = shared_estate.world.settings.state
    files = [
        f"state:{path.relative_to(state).as_posix()}" for path in state.rglob("*") if path.is_file()
    ]
    assert any("segments/" in name for name in files)
    assert any("secrets/" in name for name in files)
    assert unregistered(files) == []


def test_every_index_alias_and_key_is_in_a_target(shared_estate: Estate) -> None:
    with shared_estate.platform() as platform:
        indices = platform.admin.indices.get(index="cw.*", features="aliases")
        keys = platform.admin.security.get_api_key(name="cw.*", active_only=True)["api_keys"]
    aliases = [alias for found in indices.values() for alias in found["aliases"]]
    places = [f"index:{name}" for name in (*indices, *aliases)]
    assert unregistered([*places, *(f"key:{key['name']}" for key in keys)]) == []


@pytest.mark.parametrize("place", ("table:customers", "dagster:new_table", "state:export.csv"))
def test_a_place_that_nobody_registered_is_found(place: str) -> None:
    assert unregistered([place, "table:syncs"]) == [place]


def test_names_stand_in_the_order_in_which_targets_are_cleared() -> None:
    assert [entry.name for entry in TARGETS] == [*CLEARED_FIRST, REGISTRATION]
    assert all(entry.holds.endswith(".") and entry.places and entry.reaches for entry in TARGETS)


def test_a_narrower_order_reaches_fewer_targets() -> None:
    tenant, connection = "t" * 16, "c" * 16
    whole = {entry.name for entry in targets_for(Extent(tenant=tenant))}
    one = {entry.name for entry in targets_for(Extent(tenant=tenant, connection=connection))}
    stream = Extent(tenant=tenant, connection=connection, stream="orders")
    assert whole == one == {entry.name for entry in TARGETS}
    assert {entry.name for entry in targets_for(stream)} == {
        *("documents", "activities", "indices", "snapshots", "segments"),
        *("rejected", "outbox", "effects", "decisions", "rows"),
    }
    assert {entry.name for entry in TARGETS if Reach.SUBJECT in entry.reaches} == set(ERASED_FIRST)


def test_backups_are_exempt_for_as_long_as_they_are_kept() -> None:
    assert {entry.what: entry.days for entry in exempted(backup_days=14)}["backup:database"] == 14
    assert "backup:database" not in {entry.what for entry in exempted(backup_days=0)}
    assert all(entry.days for entry in exempted(backup_days=14))


def test_the_digest_is_the_registrys() -> None:
    assert registry_digest() == registry_digest()
    assert len(registry_digest()) == 64
