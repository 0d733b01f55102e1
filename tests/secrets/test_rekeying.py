"""A store that gets a new key while others read and write it, and processes are killed."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.cipher import KEY_BYTES, Cipher
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.store_keys import KeyFile, KeyPlace, Keys
from tests.victims import has_worked, wait_until, worked_s

REFERENCES = [f"source/t0123456789abcde/c{number:015}" for number in range(40)]


class Recording(KeyPlace):
    """A place that remembers what it held, and fails when it is told to."""

    def __init__(self, *, fail_on: int | None = None) -> None:
        self.saved: list[Keys] = []
        self.fail_on = fail_on

    def __str__(self) -> str:
        return "recording"

    def load(self) -> Keys:
        return self.saved[-1] if self.saved else ()

    def save(self, keys: Keys) -> None:
        if len(self.saved) == self.fail_on:
            raise OSError("the disk is full")
        self.saved.append(keys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


def filled(folder: Path, place: KeyPlace, references: Sequence[str] = REFERENCES) -> None:
    store = FileSecretStore(folder, place)
    for reference in references:
        store.put(reference, {"name": Secret(reference)})


def require_all(store: FileSecretStore) -> None:
    for reference in REFERENCES:
        assert store.get(reference) == {"name": Secret(reference)}


def opens(key: bytes, folder: Path, reference: str) -> bool:
    try:
        message = (folder / f"{reference}.secret").read_bytes()
        Cipher(key).decrypt(message, context=reference.encode())
    except RefusedError:
        return False
    return True


def test_all_entries_are_under_the_new_key_and_the_old_one_is_gone(folder: Path) -> None:
    place = Recording()
    filled(folder, place)
    store = FileSecretStore(folder, place)
    assert store.rekey() == len(REFERENCES)
    (old,), (fresh, beside), (last,) = place.saved
    assert (beside, fresh) == (old, last)
    assert fresh != old
    for reference in REFERENCES:
        assert opens(fresh, folder, reference)
        assert not opens(old, folder, reference)
    require_all(store)
    require_all(FileSecretStore(folder, place))


def test_an_empty_store_is_rekeyed(folder: Path) -> None:
    place = Recording()
    assert FileSecretStore(folder, place).rekey() == 0
    assert place.saved[0] != place.saved[-1]


def test_a_store_that_was_open_before_reads_and_writes_on(folder: Path, tmp_path: Path) -> None:
    place = KeyFile(tmp_path / "key")
    filled(folder, place)
    before = FileSecretStore(folder, place)
    FileSecretStore(folder, place).rekey()
    require_all(before)
    FileSecretStore(folder, place).rekey()
    before.put(REFERENCES[0], {"name": Secret("later")})
    assert FileSecretStore(folder, place).get(REFERENCES[0]) == {"name": Secret("later")}


@pytest.mark.parametrize("fail_on", (1, 2))
def test_a_key_that_cannot_be_saved_loses_nothing(folder: Path, fail_on: int) -> None:
    place = Recording()
    filled(folder, place)
    place.fail_on = fail_on
    store = FileSecretStore(folder, place)
    with pytest.raises(OSError, match="disk is full"):
        store.rekey()
    require_all(store)
    require_all(FileSecretStore(folder, place))
    place.fail_on = None
    assert FileSecretStore(folder, place).rekey() == len(REFERENCES)
    require_all(FileSecretStore(folder, place))
    assert len(place.saved[-1]) == 1


def test_a_changed_entry_stops_it_and_both_keys_stay(folder: Path) -> None:
    place = Recording()
    filled(folder, place)
    spoiled = folder / f"{REFERENCES[20]}.secret"
    whole = spoiled.read_bytes()
    spoiled.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(RefusedError, match="changed or belongs elsewhere"):
        FileSecretStore(folder, place).rekey()
    assert len(place.load()) == 2
    spoiled.write_bytes(whole)
    require_all(FileSecretStore(folder, place))
    FileSecretStore(folder, place).rekey()
    require_all(FileSecretStore(folder, place))


REKEYER = """
import sys
from pathlib import Path
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.store_keys import KeyFile
store = FileSecretStore(Path(sys.argv[1]), KeyFile(Path(sys.argv[2])))
print("ready", flush=True)
while True:
    store.rekey()
"""


def test_a_killed_rekeying_leaves_every_entry_readable(folder: Path, tmp_path: Path) -> None:
    place = KeyFile(tmp_path / "key")
    filled(folder, place)
    store = FileSecretStore(folder, place)
    cut_off = 0
    for attempt in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", REKEYER, folder, tmp_path / "key"], stdout=subprocess.PIPE
        ) as rekeyer:
            assert rekeyer.stdout is not None
            assert rekeyer.stdout.readline() == b"ready\n"
            struck_at_s = worked_s(rekeyer.pid) + 0.02 + attempt * 0.007
            require_all(store)
            wait_until(partial(has_worked, rekeyer.pid, struck_at_s))
            rekeyer.send_signal(signal.SIGKILL)
        require_all(store)
        require_all(FileSecretStore(folder, place))
        cut_off += len(place.load()) == 2
    assert cut_off, "no kill came while two keys were needed"
    store.rekey()
    assert len((tmp_path / "key").read_bytes()) == KEY_BYTES
    assert not list(tmp_path.rglob("*.unfinished"))
    require_all(store)
