"""All connections' segments together: what goes, and what of others stays."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from google.cloud.storage import Client  # type: ignore[import-untyped]  # it ships none

from coworker_pipelines.kernel.errors import DefectError, RetryLaterError, TenantActionError
from coworker_pipelines.segments.gcs import GcsSegmentRoot, GcsSegmentStore
from coworker_pipelines.segments.local import LocalSegmentStore
from coworker_pipelines.segments.root import LocalSegmentRoot, SegmentRoot
from coworker_pipelines.segments.store import SegmentStore
from tests.segments.conftest import BUCKET

Opened = tuple[SegmentRoot, Callable[[str], SegmentStore]]


@pytest.fixture(params=("local", "gcs"))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    if request.param == "local":
        return LocalSegmentRoot(tmp_path), lambda name: LocalSegmentStore(tmp_path / name)
    client: Client = request.getfixturevalue("gcs_client")
    prefix = secrets.token_hex(8)
    return (
        GcsSegmentRoot(client, BUCKET, prefix),
        lambda name: GcsSegmentStore(client, BUCKET, f"{prefix}/{name}"),
    )


def test_a_tenant_a_connection_and_a_stream_go_and_their_neighbours_stay(opened: Opened) -> None:
    root, store = opened
    for connection in ("t1/c1", "t1/c2", "t11/c1"):
        for path in ("orders/2026-01-01/manifest.json", "orders2/2026-01-01/manifest.json"):
            with store(connection).write(path) as target:
                target.write(b"{}")
    assert root.count(("t1",)) == 4
    assert root.delete(("t1", "c1", "orders")) == 1
    assert (root.count(("t1", "c1", "orders")), root.count(("t1", "c1"))) == (0, 1)
    assert root.delete(("t1",)) == 3
    assert root.delete(("t1",)) == 0
    assert (root.count(("t1",)), root.count(("t11",))) == (0, 2)


def test_what_a_crash_left_unfinished_goes_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "t1" / "c1" / "orders"
    folder.mkdir(parents=True)
    (folder / ".unfinished-x").write_bytes(b"half")
    root = LocalSegmentRoot(tmp_path)
    assert root.count(("t1",)) == root.delete(("t1",)) == 1
    assert not (tmp_path / "t1").exists()


def test_nobody_clears_everything_by_mistake(opened: Opened) -> None:
    root, _ = opened
    with pytest.raises(DefectError):
        root.delete(())
    with pytest.raises(DefectError):
        root.count(("..",))


def test_a_place_that_is_not_there_is_not_an_empty_one(gcs_client: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RetryLaterError):
        LocalSegmentRoot(tmp_path / "file" / "segments").count(("t1",))
    with pytest.raises(TenantActionError, match="bucket"):
        GcsSegmentRoot(gcs_client, "no-such-bucket", "").count(("t1",))
