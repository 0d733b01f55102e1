"""Owners and modes of a state folder, as it is made and as it was opened."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from coworker_pipelines.access.files import files_answer
from coworker_pipelines.access.findings import Known, judged
from coworker_pipelines.access.grants import Finding, Grant
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.key_file import read_master_key
from coworker_pipelines.secrets.store_keys import KeyFile

KNOWN = Known(now=datetime(2026, 3, 1, tzinfo=UTC))
FILE = "secrets/source/t1/c1.secret"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    store = FileSecretStore(tmp_path / "secrets", KeyFile(tmp_path / "secrets.key"))
    store.put("source/t1/c1", {"token": Secret("made-up-value")})
    read_master_key(tmp_path / "master.key")
    return tmp_path


def _judged(state: Path) -> list[Grant]:
    return [judged(grant, KNOWN) for grant in files_answer(state, {}).grants]


def test_a_state_as_we_make_it_is_explained(state: Path) -> None:
    grants = _judged(state)
    assert [grant for grant in grants if grant.findings] == []
    assert {grant.on for grant in grants} == {"state", "secrets", "secrets.key", "master.key"}


@pytest.mark.parametrize(
    ("place", "mode", "subjects"),
    (
        ("secrets.key", 0o604, {"everybody on this machine"}),
        ("master.key", 0o644, {"everybody on this machine", "group"}),
        ("secrets", 0o750, {"group"}),
        (FILE, 0o660, {"group"}),
        (".", 0o757, {"everybody on this machine"}),
    ),
)
def test_what_is_open_to_others_is_found(
    state: Path, place: str, mode: int, subjects: set[str]
) -> None:
    (state / place).chmod(mode)
    found = [grant for grant in _judged(state) if grant.findings]
    assert {grant.subject.partition(" ")[0] for grant in found} == {
        subject.partition(" ")[0] for subject in subjects
    }
    assert all(Finding.OPEN_TO_OTHERS in grant.findings for grant in found)
    assert all(f"mode {mode:04o}" in grant.through for grant in found)


def test_segments_elsewhere_are_looked_at_there(state: Path, tmp_path: Path) -> None:
    segments = tmp_path / "elsewhere"
    segments.mkdir(mode=0o755)
    found = files_answer(state, {"segments": segments}).grants
    assert any(grant.on == "segments" and str(segments) in grant.through for grant in found)


def test_a_machine_without_a_state_says_so(tmp_path: Path) -> None:
    answer = files_answer(tmp_path / "nothing", {})
    (gap,) = answer.gaps
    assert "There is no state folder" in gap.sentence
