"""Repositories, each planted once for the whole suite."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from coworker_pipelines.sdk.conformance import Planted
from tests.connectors.git.planting import Repository, new_repository

Planter = Callable[[Path, Planted], Repository]


class Repositories:
    """What was planted once is not planted again: the same ``Planted`` means the same content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._planted: dict[tuple[Planter, Planted], Repository] = {}

    def get(self, planter: Planter, planted: Planted) -> Repository:
        key = (planter, planted)
        if key not in self._planted:
            self._planted[key] = planter(self._folder / str(len(self._planted)), planted)
        return self._planted[key]


@pytest.fixture(scope="session")
def repositories() -> Iterator[Repositories]:
    with TemporaryDirectory(prefix="coworker-tests-git-") as folder:
        yield Repositories(Path(folder))


@pytest.fixture
def empty(tmp_path: Path) -> Repository:
    """A fresh repository without a commit."""
    return new_repository(tmp_path / "repository.git")
