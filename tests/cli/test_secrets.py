"""`coworker secrets`: the store of a machine that has nothing else yet."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coworker_pipelines.assembly.stores import open_file_store
from coworker_pipelines.cli.main import app, run
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.settings import Settings

ONE = "source/t0123456789abcde/c0123456789abcde"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("COWORKER_STATE", str(tmp_path / "state"))
    return Settings(state=tmp_path / "state", segments=tmp_path / "segments")


def _rekey() -> int:
    return run(lambda: app(["secrets", "rekey"], standalone_mode=False))


def test_a_store_is_rekeyed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_file_store(settings)
    store.put(ONE, {"password": Secret("hunter2-planted")})
    key = (settings.state / "secrets.key").read_bytes()
    assert _rekey() == 0
    assert capsys.readouterr().out.strip() == (
        "All secrets (1) are encrypted under a new key; the old one is gone."
    )
    assert (settings.state / "secrets.key").read_bytes() != key
    assert store.get(ONE) == {"password": Secret("hunter2-planted")}


def test_a_store_in_the_cluster_has_a_key_of_its_own(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COWORKER_SECRETS", "kubernetes")
    assert _rekey() == 2
    assert "keeps its secrets in the cluster" in capsys.readouterr().err
    assert not settings.state.exists()


def test_a_machine_without_a_keyring_is_told(settings: Settings) -> None:
    told = subprocess.run(
        [Path(sys.executable).parent / "coworker", "secrets", "rekey"],
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "COWORKER_SECRETS_KEY": "keyring",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        },
    )
    assert told.returncode == 2
    assert told.stderr.startswith("coworker: This machine has no keyring that could hold the key")
    assert len(told.stderr.splitlines()) == 1
    assert not list(settings.state.rglob("*.secret*"))


def test_an_unknown_place_of_the_key_is_told(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COWORKER_SECRETS_KEY", "pocket")
    assert _rekey() == 2
    assert "COWORKER_SECRETS_KEY is neither `file` nor `keyring`." in capsys.readouterr().err
    assert not settings.state.exists()
