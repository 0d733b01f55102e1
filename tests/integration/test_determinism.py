"""The same source gives the same documents and messages."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coworker_pipelines.kernel.window import Window
from tests.integration.world import World

PROJECT = Path(__file__).parents[2]
FEBRUARY, MARCH = Window(2026, 2), Window(2026, 3)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two months of commits by several people, with a merge, a branch and a tag."""
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "--quiet", "--initial-branch=main")
    for day in range(1, 41):
        month, of_month = (2, day) if day <= 28 else (3, day - 28)
        (folder / f"file{day % 7}.txt").write_text(f"line {day}\n" * day, encoding="utf-8")
        _git(folder, "add", ".")
        _git(
            folder, "commit", "--quiet", "-m", f"change {day}", at=f"2026-{month:02}-{of_month:02}"
        )
    _git(folder, "branch", "older", "HEAD~9")
    _git(folder, "tag", "-a", "v1", "-m", "first", at="2026-03-13")
    return folder


def test_the_order_of_windows_and_the_hash_seed_change_nothing(
    world: World, repository: Path
) -> None:
    now = Window.of(datetime.now(UTC))  # the branches and tags are read in
    forwards, backwards = (
        _sync_elsewhere(world, repository, name, seed, windows)
        for name, seed, windows in (
            ("forwards", "1", (FEBRUARY, MARCH, now)),
            ("backwards", "2", (now, MARCH, FEBRUARY)),
        )
    )
    assert forwards["documents"] == 40 + 2 + 1
    assert forwards == backwards


def _sync_elsewhere(
    world: World, repository: Path, name: str, seed: str, windows: tuple[Window, ...]
) -> Any:
    """Digests of everything stored, by a process with that hash seed."""
    handle = world.add_connection({"repository": str(repository)}, name=name, kind="git")
    settings = world.settings
    assert settings.elasticsearch is not None
    assert settings.elasticsearch.password is not None
    password = repository.parent / "password"
    password.write_text(settings.elasticsearch.password.get_secret_value(), encoding="utf-8")
    environment = os.environ | {
        "PYTHONHASHSEED": seed,
        "COWORKER_STATE": str(settings.state),
        "COWORKER_SEGMENTS": str(settings.segments),
        "COWORKER_DATABASE_URL": str(settings.database_url),
        "COWORKER_ELASTICSEARCH_URL": settings.elasticsearch.url,
        "COWORKER_ELASTICSEARCH_USER": str(settings.elasticsearch.user),
        "COWORKER_ELASTICSEARCH_PASSWORD_FILE": str(password),
    }
    for window in windows:
        subprocess.run(
            [sys.executable, "-m", "tests.integration.sync_once", handle, window.key],
            check=True,
            cwd=PROJECT,
            env=environment,
        )
    return _digests(world, handle)


def _digests(world: World, handle: str) -> dict[str, Any]:
    """Keys, hashes, payloads and messages, without what names the connection or the moment."""
    streams = ("branches", "commits", "tags")
    stored = {
        f"{stream}/{key}": (
            document.version,
            document.content_hash,
            document.occurred_at,
            document.subject_keys,
            hashlib.sha256(document.payload_bytes).hexdigest(),
        )
        for stream in streams
        for key, document in world.stored(handle, stream).items()
    }
    with world.opened() as platform, platform.open_reading(handle) as reading:
        messages = sorted(
            json.dumps({**message["data"], "time": message.get("time")}, sort_keys=True)
            for page in reading.activities.scan()
            for message in page
        )
    assert messages
    return {"documents": len(stored), "stored": stored, "messages": messages}


def _git(folder: Path, *arguments: str, at: str = "2026-02-01") -> None:
    author = {"NAME": "Ann", "EMAIL": "ann@example.org", "DATE": f"{at}T10:00:00+01:00"}
    environment = os.environ | {
        f"GIT_{role}_{name}": value
        for role in ("AUTHOR", "COMMITTER")
        for name, value in author.items()
    }
    subprocess.run(["git", *arguments], cwd=folder, check=True, env=environment)  # noqa: S607
