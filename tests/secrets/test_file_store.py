import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.store_keys import KeyFile
from tests.victims import has_worked, wait_until, worked_s

ONE = "connection/t0123456789abcde/c0123456789abcde"
TWO = "connection/t0123456789abcde/c1123456789abcde"
PLANTED = "hunter2-planted"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "key"


@pytest.fixture
def store(folder: Path, key_file: Path) -> FileSecretStore:
    made = FileSecretStore(folder, KeyFile(key_file))
    made.put(ONE, {"password": Secret(PLANTED)})
    made.put(TWO, {"password": Secret("another")})
    return made


def test_another_process_reads_what_one_wrote(
    store: FileSecretStore, folder: Path, key_file: Path
) -> None:
    assert FileSecretStore(folder, KeyFile(key_file)).get(ONE) == store.get(ONE)


@pytest.mark.usefixtures("store")
def test_no_file_holds_the_value_in_the_clear(tmp_path: Path) -> None:
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        assert PLANTED.encode() not in path.read_bytes()
        assert b"password" not in path.read_bytes()


@pytest.mark.usefixtures("store")
def test_files_and_folders_are_closed_to_others(folder: Path, key_file: Path) -> None:
    for path in (folder, *folder.rglob("*"), key_file.parent, key_file):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.usefixtures("store")
def test_a_loose_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        FileSecretStore(tmp_path / "more", KeyFile(tmp_path / "more-key")).put(ONE, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "more-key").stat().st_mode) == 0o600
    for path in (tmp_path / "more").rglob("*"):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("mode", (0o640, 0o604, 0o620, 0o660))
def test_a_key_file_that_is_open_to_others_is_refused(
    folder: Path, key_file: Path, mode: int
) -> None:
    key_file.chmod(mode)
    with pytest.raises(RefusedError, match="chmod 600"):
        FileSecretStore(folder, KeyFile(key_file))


@pytest.mark.usefixtures("store")
def test_a_folder_that_is_open_to_others_is_refused(folder: Path, key_file: Path) -> None:
    folder.chmod(0o755)
    with pytest.raises(RefusedError, match="chmod 700"):
        FileSecretStore(folder, KeyFile(key_file))


@pytest.mark.parametrize("mode", (0o640, 0o604, 0o660))
def test_a_secret_that_is_open_to_others_is_refused(
    store: FileSecretStore, folder: Path, mode: int
) -> None:
    (folder / f"{ONE}.secret").chmod(mode)
    with pytest.raises(RefusedError, match=f"{ONE}.secret is open to others: chmod 600 it"):
        store.get(ONE)
    with pytest.raises(RefusedError, match="chmod 600"):
        store.rekey()
    assert store.get(TWO)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("mode", (0o770, 0o702, 0o722))
def test_a_key_in_a_folder_that_others_may_write_to_is_refused(
    folder: Path, key_file: Path, mode: int
) -> None:
    key_file.parent.chmod(mode)
    with pytest.raises(RefusedError, match="chmod go-w"):
        FileSecretStore(folder, KeyFile(key_file))


@pytest.mark.usefixtures("store")
def test_a_key_of_another_user_is_refused(folder: Path, key_file: Path) -> None:
    if os.geteuid() == 0:
        os.chown(key_file, 4242, -1)
        with pytest.raises(RefusedError, match="belongs to another user"):
            FileSecretStore(folder, KeyFile(key_file))


@pytest.mark.usefixtures("store")
def test_a_key_of_the_wrong_length_is_refused(folder: Path, key_file: Path) -> None:
    key_file.write_bytes(b"short")
    with pytest.raises(RefusedError, match="32 bytes"):
        FileSecretStore(folder, KeyFile(key_file))


@pytest.mark.usefixtures("store")
def test_a_lost_key_is_not_replaced_while_there_are_secrets(folder: Path, key_file: Path) -> None:
    key_file.unlink()
    with pytest.raises(RefusedError, match="put it back"):
        FileSecretStore(folder, KeyFile(key_file))
    assert not key_file.exists()


def test_another_key_opens_nothing(
    store: FileSecretStore, folder: Path, key_file: Path, tmp_path: Path
) -> None:
    FileSecretStore(tmp_path / "empty", KeyFile(tmp_path / "other-key"))
    (tmp_path / "other-key").replace(key_file)
    with pytest.raises(RefusedError, match="changed or belongs elsewhere"):
        FileSecretStore(folder, KeyFile(key_file)).get(ONE)
    assert store.get(ONE)


def test_a_changed_file_is_refused(store: FileSecretStore, folder: Path) -> None:
    path = folder / f"{ONE}.secret"
    message = path.read_bytes()
    for position in range(len(message)):
        changed = bytearray(message)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(RefusedError):
            store.get(ONE)
    for length in range(len(message)):
        path.write_bytes(message[:length])
        with pytest.raises(RefusedError):
            store.get(ONE)


def test_a_file_in_anothers_place_is_refused(store: FileSecretStore, folder: Path) -> None:
    one, two = folder / f"{ONE}.secret", folder / f"{TWO}.secret"
    aside = folder / "aside"
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    for reference in (ONE, TWO):
        with pytest.raises(RefusedError):
            store.get(reference)


def test_the_same_values_never_look_the_same(store: FileSecretStore, folder: Path) -> None:
    path = folder / f"{ONE}.secret"
    before = path.read_bytes()
    store.put(ONE, store.get(ONE))
    assert path.read_bytes() != before


def test_stores_that_are_opened_first_at_once_share_a_key(folder: Path, key_file: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        list(processes.map(_put, [(folder, key_file, number) for number in range(8)]))
    store = FileSecretStore(folder, KeyFile(key_file))
    for number in range(8):
        assert store.get(f"tenant/{number}") == {"number": Secret(str(number))}


def _put(order: tuple[Path, Path, int]) -> None:
    folder, key_file, number = order
    FileSecretStore(folder, KeyFile(key_file)).put(
        f"tenant/{number}", {"number": Secret(str(number))}
    )


WRITER = """
import sys
from pathlib import Path
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.store_keys import KeyFile
store = FileSecretStore(Path(sys.argv[1]), KeyFile(Path(sys.argv[2])))
print("ready", flush=True)
for number in range(1_000_000):
    store.put(sys.argv[3], {name: Secret(str(number) * 5000) for name in ("one", "same")})
"""


def test_a_killed_writer_leaves_a_whole_secret(
    store: FileSecretStore, folder: Path, key_file: Path
) -> None:
    for attempt in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, folder, key_file, ONE], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            struck_at_s = worked_s(writer.pid) + 0.05 + attempt * 0.013
            wait_until(partial(has_worked, writer.pid, struck_at_s))
            writer.send_signal(signal.SIGKILL)
        values = store.get(ONE)
        assert values["one"] == values["same"]
    store.put(ONE, {})
    assert store.get(ONE) == {}
    store.delete(ONE)
    store.delete(TWO)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
