"""Elasticsearch from Maven: fetched once, checked, unpacked, and given the plugin."""

import os
import shutil
import stat
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import DefectError, RetryLaterError, TenantActionError
from coworker_pipelines.services.java import Jdk
from coworker_pipelines.services.locks import file_lock
from coworker_pipelines.services.plugin import install_plugin, plugin_fingerprint

VERSION: Final = "9.5.4"
_ARTIFACT: Final = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
_ZIP_NAME: Final = f"elasticsearch-{VERSION}.zip"
_ZIP_BYTES_MIN: Final = 100_000_000
"""The whole file has 132 MB."""
_FETCH_TIMEOUT_S: Final = 1_800
_LOCK_WAIT_S: Final = _FETCH_TIMEOUT_S + 300


def install_distribution(
    *,
    downloads: Path,
    installed: Path,
    jdk: Jdk,
    environment: Mapping[str, str],
    progress: Callable[[str], None],
) -> Path:
    """The home of a node below ``installed``, whole or not there at all; fetched when missing.

    Raises:
        TenantActionError: Maven is missing, or what it keeps is broken.
        RetryLaterError: Maven cannot fetch the file now.
    """
    home = installed / f"elasticsearch-{VERSION}-{plugin_fingerprint()}"
    if home.is_dir():
        return home
    with file_lock(installed / "install.lock", wait_s=_LOCK_WAIT_S):
        if not home.is_dir():
            archive = fetch_archive(downloads, environment=environment, progress=progress)
            progress("unpacking Elasticsearch")
            _unpack(archive, home, jdk)
    return home


def fetch_archive(
    downloads: Path, *, environment: Mapping[str, str], progress: Callable[[str], None]
) -> Path:
    """The distribution in ``downloads``, proven whole; half a file from an earlier try is replaced.

    Raises:
        TenantActionError: Maven is missing, or what it keeps is broken.
        RetryLaterError: Maven cannot fetch the file now.
    """
    archive = downloads / _ZIP_NAME
    with file_lock(downloads / "download.lock", wait_s=_LOCK_WAIT_S):
        if is_whole(archive):
            return archive
        archive.unlink(missing_ok=True)
        maven = find_maven(environment)
        progress(f"fetching Elasticsearch {VERSION} with Maven (132 MB, once)")
        with tempfile.TemporaryDirectory(dir=downloads, prefix=".download-") as folder:
            _copy_artifact(maven, Path(folder), environment)
            copied = Path(folder) / _ZIP_NAME
            if not is_whole(copied):
                raise TenantActionError(
                    f"Maven's own copy of Elasticsearch {VERSION} is broken: delete the folder "
                    "org/elasticsearch/distribution of Maven's local repository."
                )
            copied.replace(archive)
    return archive


def find_maven(environment: Mapping[str, str]) -> str:
    """The path of ``mvn``.

    Raises:
        TenantActionError: it is not on PATH.
    """
    maven = shutil.which("mvn", path=environment.get("PATH", ""))
    if maven is None:
        raise TenantActionError(
            "Elasticsearch is fetched with Maven and there is no mvn on PATH: install it "
            "(a package like maven)."
        )
    return maven


def is_whole(archive: Path) -> bool:
    """Whether the file is as large as it must be and every checksum in it is right."""
    try:
        if archive.stat().st_size < _ZIP_BYTES_MIN:
            return False
        with zipfile.ZipFile(archive) as opened:
            return opened.testzip() is None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        return False


def _copy_artifact(maven: str, folder: Path, environment: Mapping[str, str]) -> None:
    options = [f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion"]
    try:
        done = subprocess.run(
            [maven, "--batch-mode", "--quiet", "dependency:copy", *options],
            check=False,
            cwd=folder,
            env=dict(environment),
            capture_output=True,
            timeout=_FETCH_TIMEOUT_S,
            text=True,
        )
    except subprocess.TimeoutExpired as error:
        raise RetryLaterError("Maven did not fetch Elasticsearch within half an hour.") from error
    if done.returncode != 0:
        reason = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no reason")
        raise RetryLaterError(f"Maven cannot fetch Elasticsearch {VERSION}: {reason}")


def _unpack(archive: Path, home: Path, jdk: Jdk) -> None:
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".unpack-") as name:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(name)
        unpacked = Path(name) / f"elasticsearch-{VERSION}"
        if not unpacked.is_dir():
            raise DefectError(f"{archive.name} holds no folder of version {VERSION}.")
        install_plugin(unpacked, jdk=jdk, version=VERSION)
        (unpacked / "logs").mkdir(exist_ok=True)
        _open_to_readers(unpacked)
        unpacked.replace(home)


def _open_to_readers(folder: Path) -> None:
    """Everybody may read and nobody but us may change: the node runs as another user."""
    read = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH
    enter = read | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(enter)
        for name in names:
            program = Path(parent).name == "bin"
            (Path(parent) / name).chmod(enter if program else read)
