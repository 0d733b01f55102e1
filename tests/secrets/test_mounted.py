"""What a run finds in its pod, laid out as the kubelet does."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.mounted import MountedSecretReader
from coworker_pipelines.secrets.references import (
    access_reference,
    grant_reference,
    source_reference,
    token_reference,
)
from tests.cluster.volumes import File, write_atomically
from tests.secrets.contract import Planted, ReaderContract, plain

SCOPE = Scope(tenant="t0123456789abcde", connection="c0123456789abcde", epoch=1)
IDS = {"tenant": SCOPE.tenant, "connection": SCOPE.connection}
Parts = dict[str, dict[str, str]]


class Mount:
    """One projected volume; or, ``apart``, a volume for each part."""

    def __init__(self, folder: Path, *, apart: bool = False, mode: int = 0o400) -> None:
        self.folder = folder
        self._apart = apart
        self._mode = mode
        self._parts: Parts = {"access": dict(IDS)}
        folder.mkdir()
        self._lay_out()

    def plant(self, reference: str, values: Mapping[str, str]) -> None:
        part = reference.partition("/")[0]
        ids = IDS if part == "access" else {}
        self._parts[part] = {**values, **ids}
        self._lay_out()

    def _lay_out(self) -> None:
        if not self._apart:
            files = {
                f"{part}/{name}": self._file(value)
                for part, values in self._parts.items()
                for name, value in values.items()
            }
            write_atomically(self.folder, files, group=None)
            return
        for part, values in self._parts.items():
            (self.folder / part).mkdir(exist_ok=True)
            files = {name: self._file(value) for name, value in values.items()}
            write_atomically(self.folder / part, files, group=None)

    def _file(self, value: str) -> File:
        return File(content=value.encode(), mode=self._mode)


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    return Mount(tmp_path / "mount")


@pytest.fixture
def reader(mount: Mount) -> MountedSecretReader:
    return MountedSecretReader(mount.folder)


class TestMounted(ReaderContract):
    @pytest.fixture(params=(False, True), ids=("projected", "apart"))
    def planted(self, request: pytest.FixtureRequest, tmp_path: Path) -> Planted:
        mount = Mount(tmp_path / "mount", apart=request.param)
        return Planted(reader=MountedSecretReader(mount.folder), scope=SCOPE, plant=mount.plant)


@pytest.mark.parametrize(
    "reference",
    (
        source_reference(Scope(tenant=SCOPE.tenant, connection="c1123456789abcde", epoch=1)),
        source_reference(Scope(tenant="t1123456789abcde", connection=SCOPE.connection, epoch=1)),
        grant_reference(SCOPE, "g0123456789abcde"),
        "tenant/t0123456789abcde",
    ),
)
def test_another_connections_secrets_are_refused(
    mount: Mount, reader: MountedSecretReader, reference: str
) -> None:
    mount.plant(source_reference(SCOPE), {"password": "own"})
    mount.plant("grant", {"refresh_token": "nobody's"})
    with pytest.raises(RefusedError, match="not its connection's"):
        reader.get(reference)


def test_a_missing_token_says_how_to_get_one(reader: MountedSecretReader) -> None:
    with pytest.raises(TenantActionError, match="coworker connections authorize"):
        reader.get(token_reference(SCOPE))


def test_without_a_mount_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="nothing is mounted at"):
        MountedSecretReader(tmp_path / "nothing").get(source_reference(SCOPE))


@pytest.mark.parametrize("mode", (0o400, 0o440, 0o600))
def test_a_file_that_is_closed_is_read(tmp_path: Path, mode: int) -> None:
    mount = Mount(tmp_path / "mount", mode=mode)
    reader = MountedSecretReader(mount.folder)
    assert plain(reader.get(access_reference(SCOPE))) == IDS


@pytest.mark.parametrize("mode", (0o404, 0o444, 0o460, 0o644, 0o450, 0o401))
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    mount = Mount(tmp_path / "mount", mode=mode)
    with pytest.raises(RefusedError, match="open to others: mount it with mode 0400"):
        MountedSecretReader(mount.folder).get(access_reference(SCOPE))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    files = {"access/tenant": File(content=b"\xff", mode=0o400)}
    write_atomically(tmp_path, files, group=None)
    with pytest.raises(RefusedError, match="is no text"):
        MountedSecretReader(tmp_path).get(access_reference(SCOPE))


def test_values_are_of_one_state_while_they_change(
    mount: Mount, reader: MountedSecretReader
) -> None:
    reference, stop = token_reference(SCOPE), threading.Event()
    mount.plant(reference, {"one": "0", "same": "0"})

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            mount.plant(reference, {"one": f"{number}", "same": f"{number}"})
            stop.wait(0.002)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        seen = [plain(reader.get(reference)) for _ in range(300)]
    finally:
        stop.set()
        changing.join()
    assert all(values["one"] == values["same"] for values in seen)
    assert len({values["one"] for values in seen}) > 3
