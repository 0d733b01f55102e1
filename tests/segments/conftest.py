"""The three stores; the one of a bucket speaks to a real server of its API."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client  # type: ignore[import-untyped]  # it ships none

from coworker_pipelines.segments.gcs import GcsSegmentStore
from coworker_pipelines.segments.local import LocalSegmentStore
from coworker_pipelines.segments.memory import MemorySegmentStore
from coworker_pipelines.segments.store import SegmentStore
from tests.segments import gcs_server

BUCKET = "segments"

Opener = Callable[[str], SegmentStore]
"""Opens the store of a connection by its name: the same name means the same objects."""


@pytest.fixture(scope="session")
def gcs_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gcs_server.running(tmp_path_factory.mktemp("gcs") / "log") as url:
        client = client_of(url)
        client.create_bucket(BUCKET)
        client.close()
        yield url


@pytest.fixture
def gcs_client(gcs_url: str) -> Iterator[Client]:
    client = client_of(gcs_url)
    yield client
    client.close()


@pytest.fixture(params=("gcs", "local", "memory"))
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "memory":
        stores: dict[str, SegmentStore] = {}
        return lambda name: stores.setdefault(name, MemorySegmentStore())
    if request.param == "local":
        return lambda name: LocalSegmentStore(tmp_path / name)
    client: Client = request.getfixturevalue("gcs_client")
    root = secrets.token_hex(8)
    return lambda name: GcsSegmentStore(client, BUCKET, f"{root}/{name}")


@pytest.fixture
def store(opener: Opener) -> SegmentStore:
    return opener("c0123456789abcde")


def client_of(url: str) -> Client:
    """Without a project and without anybody's account."""
    return Client(
        project="test",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": url},
    )
