"""The whole thread: a tenant is there, is deleted, and was never there."""

from tests.privacy.deletion.estate import CANARY, Estate, files_naming, put_aside, rows_naming


def test_a_tenant_is_deleted_and_leaves_no_trace(estate: Estate) -> None:
    for handle in estate.handles:
        put_aside(estate, handle)
    extent = estate.extent("acme")
    own_url = str(estate.world.settings.database_url)
    before = rows_naming(estate.dagster_url, (estate.other,))
    order = estate.confirmed(extent)
    estate.carry_out(order)
    outcomes = estate.outcomes(order)
    assert all(outcome[2:] == (0, 0) for outcome in outcomes.values()), outcomes
    assert rows_naming(own_url, (extent.tenant, "acme.shop", CANARY)) == {
        "orders": 1,
        "receipts": 1,
        "journal_entries": 2,
    }
    assert rows_naming(estate.dagster_url, ("acme.shop", extent.tenant, CANARY)) == {}
    assert rows_naming(estate.dagster_url, (estate.other,)) == before
    words = (b"acme.shop", CANARY.encode(), extent.tenant.encode())
    assert files_naming((estate.world.settings.state,), words) == []
