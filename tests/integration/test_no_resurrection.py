"""Nothing that was deleted comes back, whatever happens in whatever order."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import find_across
from coworker_pipelines.documents.reader import EVERYTHING
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import Endpoints
from coworker_pipelines.settings import Settings
from tests.database_fixtures import made_database, named_url
from tests.integration.schedules.instants import Instants, watched
from tests.integration.schedules.operations import Operation, What, schedule
from tests.integration.schedules.oracle import Oracle
from tests.integration.schedules.player import Player
from tests.integration.schedules.sources import SmallSource
from tests.integration.schedules.stage import SOURCES, Stage
from tests.integration.world import World

SCHEDULES = 8
SCHEDULES_SOAKED = 2_000
STAGE_LASTS = 50
"""Schedules played on one stage: what the earlier ones have left makes the later ones slower."""
NUMBER = "COWORKER_TEST_SCHEDULES"
"""How many are played, or after a colon of which number the first is: ``5000``, ``1:8731``."""


@pytest.fixture
def stages(
    tmp_path: Path,
    endpoints: Endpoints,
    migrated_template: str,
    elasticsearch_address: ElasticsearchAddress,
) -> "Stages":
    return Stages(tmp_path, endpoints.database_url, migrated_template, elasticsearch_address)


class Stages:
    """Makes stages, each with a database and folders of its own."""

    def __init__(
        self, folder: Path, server: str, template: str, address: ElasticsearchAddress
    ) -> None:
        self._folder = folder
        self._server = server
        self._template = template
        self._address = address

    @contextmanager
    def made(self) -> Iterator[Stage]:
        folder = self._folder / "stage"
        folder.mkdir()
        with made_database(self._server, self._template) as name:
            world = World(
                settings=Settings(
                    state=folder / "state",
                    database_url=named_url(self._server, name),
                    elasticsearch=self._address,
                    segments=folder / "state" / "segments",
                )
            )
            sources = {
                handle: SmallSource(folder / f"{handle}.sqlite", streams=streams)
                for handle, streams in SOURCES.items()
            }
            with world.opened() as platform:
                stage = Stage(platform=platform, settings=world.settings, sources=sources)
                try:
                    yield stage
                finally:
                    stage.close()
        shutil.rmtree(folder)


def _play(stage: Stage, instants: Instants, seed: int) -> None:
    player = Player(stage=stage, instants=instants, seed=seed)
    oracle = Oracle(player)
    operations = schedule(seed)
    try:
        stage.begin(seed)
        for operation in operations:
            player.play(operation)
        player.end(late=seed % 2 == 0)
        oracle.require_gone()
        if seed % 3:
            player.make_all_anew()
        player.sync_all()
        oracle.require_gone()
        oracle.require_rest()
    except BaseException as error:
        error.add_note(f"Schedule {seed}, played again by {NUMBER}=1:{seed}:")
        error.add_note("\n".join(str(operation) for operation in operations))
        error.add_note("\n".join(["What was done:", *player.trail]))
        raise


def _play_all(stages: Stages, seeds: range) -> None:
    began = time.monotonic()
    with watched() as instants:
        for start in range(0, len(seeds), STAGE_LASTS):
            with stages.made() as stage:
                for seed in seeds[start : start + STAGE_LASTS]:
                    _play(stage, instants, seed)
    each_s = (time.monotonic() - began) / len(seeds)
    print(f"{len(seeds)} schedules, {each_s:.2f} s each")  # noqa: T201 - a soak's figures, which pytest shows with -rP


def test_nothing_comes_back(stages: Stages) -> None:
    _play_all(stages, range(SCHEDULES))


def test_what_comes_back_would_be_found(stages: Stages) -> None:
    """The judge is no better than what it notices: a document that is back, and one that is not."""
    with watched() as instants, stages.made() as stage:
        stage.begin(0)
        player = Player(stage=stage, instants=instants, seed=0)
        player.play(Operation(what=What.SYNC, which=0, steps=0))
        admin, pattern = stage.platform.admin, names.tenant_pattern(stage.tenants["acme"])
        before = [hit for page in find_across(admin, pattern, EVERYTHING) for hit in page]
        player.play(Operation(what=What.ERASE, which=0, steps=0))
        player.end(late=True)
        player.sync_all()
        oracle = Oracle(player)
        oracle.require_gone()
        oracle.require_rest()
        after = {hit.id for page in find_across(admin, pattern, EVERYTHING) for hit in page}
        back = next(hit for hit in before if hit.id not in after)
        admin.index(index=back.index, id=back.id, document=dict(back.source), refresh=True)
        with pytest.raises(AssertionError, match="has left"):
            oracle.require_gone()
        admin.delete(index=back.index, id=back.id)
        oracle.require_gone()
        other = next(hit for hit in before if hit.id in after and names.holds_documents(hit.index))
        admin.delete(index=other.index, id=other.id)
        with pytest.raises(AssertionError, match="differs from its source"):
            oracle.require_rest()


@pytest.mark.soak
def test_2_000_schedules(stages: Stages) -> None:
    count, _, first = os.environ.get(NUMBER, str(SCHEDULES_SOAKED)).partition(":")
    start = int(first or 0)
    _play_all(stages, range(start, start + int(count)))
