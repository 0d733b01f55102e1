"""Real servers for the whole suite, and a fresh database for each test that asks for one."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import Endpoints, LocalServices
from tests.database_fixtures import (
    database,
    made_database,
    migrated_template,
    migrated_url,
    named_url,
)

__all__ = ["database", "migrated_template", "migrated_url"]

# No example is timed, and every run tries the same ones: what fails, fails for everybody.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    suppress_health_check=(hypothesis.HealthCheck.too_slow,),
)
hypothesis.settings.load_profile("house")

RUNNING_STATE = "COWORKER_TEST_STATE"
"""Names a state folder whose services run: they are used and left running. For quick rounds."""
CACHE = Path(__file__).parent.parent / ".coworker" / "cache"
LONGEST: Final = (
    "integration/test_crashes.py",
    "services/test_local.py",
    "privacy/deletion/test_connection.py",
    "privacy/erasure/test_kills.py",
    "privacy/retention/test_sweep.py",
    "integration/test_redaction.py",
    "integration/test_no_resurrection.py",
    "privacy/erasure/test_replaying.py",
    "privacy/erasure/test_job.py",
    "integration/test_restore.py",
    "integration/test_unruly.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first: at the end no process is left alone with one."""
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))


def _say(message: str) -> None:
    """Goes to the captured output: shown when the servers do not come up."""
    print(message)  # noqa: T201 - the one place where a test's own output is wanted


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Endpoints]:
    """Servers of the suite's own, in a folder that is gone afterwards.

    Not below pytest's folder: that one is closed to the user whom servers run as under root.
    """
    running = os.environ.get(RUNNING_STATE)
    if running is not None:
        yield LocalServices(
            Path(running), elasticsearch_port=None, environment=os.environ
        ).endpoints()
        return
    with tempfile.TemporaryDirectory(prefix="coworker-tests-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        services = LocalServices(
            folder, elasticsearch_port=None, environment=os.environ, cache=CACHE
        )
        try:
            yield services.up(_say)
        finally:
            services.down()


@pytest.fixture(scope="session")
def elasticsearch_address(endpoints: Endpoints) -> ElasticsearchAddress:
    """A node with a superuser. Tests keep apart by fresh tenant ids, so nothing is cleaned."""
    return endpoints.elasticsearch


@pytest.fixture
def database_url(endpoints: Endpoints) -> Iterator[str]:
    """A fresh, empty database, for SQLAlchemy with psycopg 3."""
    yield from _fresh_database(endpoints.database_url)


@pytest.fixture(scope="module")
def module_database_url(endpoints: Endpoints) -> Iterator[str]:
    """The same, one for a module whose tests may share it."""
    yield from _fresh_database(endpoints.database_url)


def _fresh_database(url: str) -> Iterator[str]:
    with made_database(url) as name:
        yield named_url(url, name)
