"""The whole thread: a tenant is there, is deleted, and was never there."""

import psycopg
import pytest

from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.names import CLEARED_FIRST
from coworker_pipelines.privacy.targets import unregistered
from tests.automation.messages import commit
from tests.automation.planting import act_on
from tests.automation.rules import large
from tests.privacy.deletion.estate import (
    CANARY,
    Estate,
    files_naming,
    places_there,
    put_aside,
    rows_naming,
)


def test_a_tenant_is_deleted_and_leaves_no_trace_but_ids(estate: Estate) -> None:
    """Everywhere at once, because a tenant on real servers is dear to make."""
    for handle in estate.handles:
        put_aside(estate, handle)
    extent = estate.extent("acme")
    _decide(estate, extent)
    own_url = str(estate.world.settings.database_url)
    state = estate.world.settings.state
    words = ("acme.shop", extent.tenant, CANARY)
    encoded = tuple(word.encode() for word in words)

    # Nothing below would be worth anything if the tenant were not everywhere before.
    there = places_there(estate, extent)
    assert unregistered(there) == []
    assert {"connections", "tenants", "rejected_records", "syncs"} <= rows_naming(
        own_url, words
    ).keys()
    named = rows_naming(estate.dagster_url, words)
    assert {"runs", "run_tags", "event_logs", "asset_keys", "dynamic_partitions"} <= named.keys()
    assert files_naming((state,), encoded)
    others = rows_naming(estate.dagster_url, (estate.other,))

    with estate.deletions() as made:
        order = made.request(extent, reason="contract with Acme ended", requested_by="ann")
        with pytest.raises(RefusedError, match="preview it"):
            made.confirm(order, typed="acme", confirmed_by="bob")
        shown = made.preview(order)
        with pytest.raises(RefusedError, match="short name"):
            made.confirm(order, typed="acme-corp", confirmed_by="bob")
        made.confirm(order, typed="acme", confirmed_by="bob")
    with pytest.raises(RefusedError, match=order):
        estate.world.sync(estate.handles[0], run="after the order")
    estate.carry_out(order)

    outcomes = estate.outcomes(order)
    assert outcomes.keys() == {*CLEARED_FIRST, "registration"}
    for name, (matched, deleted, first, second) in outcomes.items():
        assert (deleted, first, second) == (matched, 0, 0), name
        expected = shown.counts[name]
        assert name in {"runs", "rows"} or matched == expected, name
    assert all(outcomes[name][0] for name in CLEARED_FIRST if name != "snapshots")

    assert rows_naming(own_url, words) == {"orders": 1, "receipts": 1, "journal_entries": 2}
    assert rows_naming(own_url, ("acme.", "Acme", CANARY)) == {}
    assert rows_naming(estate.dagster_url, words) == {}
    # What Dagster shows as the latest of each asset is the other tenant's again.
    assert rows_naming(estate.dagster_url, (estate.other,)) == {**others, "asset_keys": 4}
    assert files_naming((state,), encoded) == []
    assert places_there(estate, extent) == set()
    _require_bytes_gone(own_url)
    _require_bytes_gone(estate.dagster_url)

    # The names are free, and the other tenant has all that it had.
    assert len(estate.world.stored(estate.other, "orders")) == 60
    estate.world.add_tenant("acme")
    with estate.deletions() as made, pytest.raises(TenantActionError, match="not there"):
        made.request(extent, reason="again", requested_by="ann")


def _decide(estate: Estate, extent: Extent) -> None:
    """Something was decided, done, and is still to be done, so that no such place is empty."""
    with estate.platform() as platform:
        scope = platform.scope_of(estate.handles[0])
        events = [[commit(number, scope=scope)] for number in (2_000, 3_000)]
        assert act_on(platform.database, extent.tenant, large(), events[0])
        assert platform.dispatch_actions() == {"done": 2}
        assert act_on(platform.database, extent.tenant, large(), events[1])


def _require_bytes_gone(url: str) -> None:
    """No table's file holds the canary, once what is to be written is written.

    The write-ahead log is another thing: it goes when it has been overwritten, and a receipt says
    so.
    """
    plain = url.replace("+psycopg2", "").replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        files = connection.execute(
            "SELECT file, pg_read_binary_file(folder || file), "
            "pg_filenode_relation(0, substring(file FROM '^[0-9]+')::oid)::text "
            "FROM (SELECT 'base/' || oid || '/' AS folder FROM pg_database "
            "WHERE datname = current_database()), pg_ls_dir(folder) AS file "
            "WHERE file ~ '^[0-9]'"
        ).fetchall()
    found = [(file, name) for file, content, name in files if CANARY.encode() in content]
    assert found == []
