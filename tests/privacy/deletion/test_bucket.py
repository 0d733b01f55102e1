"""Segments in a bucket go with their tenant."""

from coworker_pipelines.privacy.targets import unregistered
from tests.privacy.bucket import PREFIX, Bucket
from tests.privacy.deletion.estate import CANARY, Estate, put_aside


def test_a_tenant_leaves_nothing_in_the_bucket_and_the_other_keeps_its_own(
    estate_in_a_bucket: Estate, bucket: Bucket
) -> None:
    estate = estate_in_a_bucket
    estate.connection("shop")
    estate.world.add_tenant(estate.stays)
    other = estate.world.add_connection(estate.shop.form, tenant=estate.stays, name="shop")
    put_aside(estate, other)
    goes, stays = estate.extent(estate.goes), estate.extent(estate.stays)
    before = bucket.names()
    kept = [name for name in before if stays.tenant in name]
    gone = [name for name in before if goes.tenant in name]
    assert sorted(before) == sorted(kept + gone)
    assert unregistered(f"segments:{name}" for name in before) == []
    assert set(bucket.holding(CANARY)) == {*kept, *gone}

    order = estate.confirmed(goes)
    estate.carry_out(order)

    assert estate.outcomes(order)["segments"] == (len(gone), len(gone), 0, 0)
    left = bucket.names()
    assert not [name for name in left if goes.tenant in name]
    journal = f"{PREFIX}/journal/"
    assert sorted(name for name in left if not name.startswith(journal)) == sorted(kept)
    assert set(bucket.holding(CANARY)) == set(kept)
