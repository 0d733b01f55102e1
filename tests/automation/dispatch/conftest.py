from collections.abc import Iterator
from pathlib import Path

import pytest

from coworker_pipelines.database.database import Database
from tests.automation.dispatch.house import House, opened_house
from tests.automation.dispatch.receivers import Receiver, receiving
from tests.sdk.http.authorities import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def house(database: Database, authority: Authority) -> House:
    return opened_house(database, str(authority.file))


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with receiving(authority.context) as one:
        yield one
