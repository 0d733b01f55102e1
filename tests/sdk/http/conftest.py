"""No connection outlives its test."""

from collections.abc import Iterator

import pytest

from tests.sdk.http.servers import OPENED


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()
