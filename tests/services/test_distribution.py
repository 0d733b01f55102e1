"""A download is used when it is whole, and fetched once."""

import os
import random
import zipfile
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.services.distribution import VERSION, fetch_archive, is_whole

ARCHIVE = f"elasticsearch-{VERSION}.zip"
LARGE_ENOUGH = 101_000_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the size of the real one, of random bytes, stored as they are."""
    path = tmp_path_factory.mktemp("whole") / ARCHIVE
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content", random.Random(0).randbytes(LARGE_ENOUGH))
    return path


def make_maven(folder: Path, script: str) -> dict[str, str]:
    """An environment whose only ``mvn`` is a script of ours; it finds DIRECTORY set."""
    folder.mkdir()
    program = folder / "mvn"
    parse = 'for word; do case "$word" in -DoutputDirectory=*) DIRECTORY="${word#*=}";; esac; done'
    program.write_text(f"#!/bin/sh\n{parse}\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.defpath}"}


def test_a_whole_file_is_used_without_maven(tmp_path: Path, whole: Path) -> None:
    (tmp_path / ARCHIVE).hardlink_to(whole)
    said: list[str] = []
    assert fetch_archive(tmp_path, environment={"PATH": ""}, progress=said.append).is_file()
    assert said == []


def test_half_a_download_is_fetched_again(tmp_path: Path, whole: Path) -> None:
    downloads = tmp_path / "cache"
    downloads.mkdir()
    (downloads / ARCHIVE).write_bytes(whole.read_bytes()[: LARGE_ENOUGH - 500_000])
    environment = make_maven(tmp_path / "bin", f'cp "{whole}" "$DIRECTORY/"')
    said: list[str] = []
    fetched = fetch_archive(downloads, environment=environment, progress=said.append)
    assert is_whole(fetched)
    assert len(said) == 1
    assert not list(downloads.glob(".download-*"))


def test_a_flipped_byte_is_noticed(tmp_path: Path, whole: Path) -> None:
    damaged = bytearray(whole.read_bytes())
    damaged[LARGE_ENOUGH // 2] ^= 1
    (tmp_path / ARCHIVE).write_bytes(damaged)
    assert not is_whole(tmp_path / ARCHIVE)


def test_a_small_file_is_not_the_distribution(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / ARCHIVE, "w") as archive:
        archive.writestr("content", "too little")
    assert not is_whole(tmp_path / ARCHIVE)


def test_what_maven_keeps_may_be_broken_too(tmp_path: Path) -> None:
    environment = make_maven(tmp_path / "bin", f'echo half > "$DIRECTORY/{ARCHIVE}"')
    with pytest.raises(TenantActionError, match="Maven's own copy"):
        fetch_archive(tmp_path / "cache", environment=environment, progress=lambda _: None)
    assert not (tmp_path / "cache" / ARCHIVE).exists()


def test_without_maven_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TenantActionError, match="no mvn on PATH: install it"):
        fetch_archive(tmp_path, environment={"PATH": ""}, progress=lambda _: None)


def test_mavens_reason_is_handed_on(tmp_path: Path) -> None:
    environment = make_maven(tmp_path / "bin", 'echo "[ERROR] no route to host"; exit 1')
    with pytest.raises(RetryLaterError, match="no route to host"):
        fetch_archive(tmp_path / "cache", environment=environment, progress=lambda _: None)
