"""Folders that the servers' own user can reach, as pytest's are closed under root."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that every user may enter, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="coworker-tests-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
