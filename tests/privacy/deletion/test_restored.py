"""A deleted tenant that comes back with a backup of the database goes again before it is served."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from coworker_pipelines.assembly.deleting import deletion_work
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.defs.traces.stopping import InstanceRuns
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.deletion.replaying import DeletionReplayer
from coworker_pipelines.privacy.orders import OrderState
from coworker_pipelines.privacy.receipts.book import all_receipts
from coworker_pipelines.privacy.receipts.signing import PublicKeys
from coworker_pipelines.privacy.receipts.verify import verify
from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from coworker_pipelines.privacy.restore.replay import replay
from coworker_pipelines.privacy.retention.replay import HoldReplayer, ReleaseReplayer
from coworker_pipelines.settings import Settings
from tests.database_fixtures import made_database, named_url
from tests.privacy.deletion.estate import ORDERS, Estate, rows_naming


def test_a_deleted_tenant_does_not_come_back_with_a_backup(estate: Estate) -> None:
    settings = estate.world.settings
    tenant = estate.extent("acme").tenant
    url = str(settings.database_url)
    with made_database(url, url.partition("?")[0].rpartition("/")[2]) as copy:
        estate.carry_out(estate.confirmed(estate.extent("acme")))
        restored = replace(settings, database_url=named_url(url, copy))
        with Platform(restored, clock=SystemClock()) as platform:
            for handle in (estate.handles[0], estate.other):
                with (
                    pytest.raises(RefusedError, match="The database was put back"),
                    platform.open_reading(handle),
                ):
                    pass
            _replay(estate, platform, restored)
            platform.safeguards.require_current()
            with platform.open_reading(estate.other) as reading:
                assert reading.documents.count("orders") > 0
            with platform.database.control() as session:
                export = b"".join(receipt.line() for receipt in all_receipts(session))
            public = PublicKeys.of(platform.safeguards.receipts.key.public_pem())
            assert verify(export, public).last == 1
        assert rows_naming(str(restored.database_url), (tenant, "acme.shop")) == {
            "receipts": 1,
            "journal_entries": 2,
        }


def test_a_deletion_under_way_waits_for_a_hold_that_a_replay_has_placed_again(
    shared_estate: Estate,
) -> None:
    """It was done, and then what had come since was held; the copy knows it as not yet done."""
    estate = shared_estate
    handle = estate.connection("held")
    extent = estate.extent(handle)
    order = estate.confirmed(extent)
    placed = Entry(
        number=9,
        kind=EntryKind.HOLD,
        order_id=new_id(IdPrefix.HOLD),
        tenant=extent.tenant,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        content={
            "connection": extent.connection,
            "stream": None,
            "since": None,
            "until": None,
            "matter": "L-7",
            "owner": "legal",
            "reason": "a court's order",
            "review_at": "2026-09-01",
            "placed_by": "ann",
        },
    )
    release = {"reason": "case closed", "released_by": "ann"}
    with estate.platform() as platform:
        HoldReplayer(platform.database).replay(placed)
        with pytest.raises(RetryLaterError, match="the release of a hold"):
            estate.carry_out(order)
        state, detail = estate.state_of(order)
        assert (state, placed.order_id in (detail or "")) == (OrderState.WAITING, True)
        with platform.open_reading(handle) as reading:
            assert reading.documents.count("orders") == ORDERS
        ReleaseReplayer(platform.database).replay(replace(placed, content=release))
    estate.carry_out(order)
    assert estate.state_of(order)[0] == OrderState.DONE


def _replay(estate: Estate, platform: Platform, settings: Settings) -> None:
    work = deletion_work(
        platform,
        settings,
        traces=estate.traces,
        runs=InstanceRuns(estate.instance),
        sleep=estate.slept.append,
    )
    deletions = DeletionReplayer(database=platform.database, removers=work.removers)
    replay(
        platform.safeguards.instance,
        {**platform.safeguards.replayers, EntryKind.DELETION: deletions},
        now=platform.clock.now(),
        tell=print,
    )
