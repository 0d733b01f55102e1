from pathlib import Path

import pytest
from keyring.backends.fail import Keyring as NoKeyring

from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.keyring_place import SERVICE, KeyringPlace
from tests.secrets.keyrings import LockedKeyring, MemoryKeyring

ONE = "source/t0123456789abcde/c0123456789abcde"


def test_the_key_is_in_the_keyring_and_in_no_file(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    FileSecretStore(tmp_path / "a", KeyringPlace(keyring, "a")).put(ONE, {"name": Secret("1")})
    again = FileSecretStore(tmp_path / "a", KeyringPlace(keyring, "a"))
    assert again.get(ONE) == {"name": Secret("1")}
    assert list(keyring.entries) == [(SERVICE, "a")]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [
        "c0123456789abcde.secret"
    ]


def test_each_store_has_a_key_of_its_own(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    for name in ("a", "b"):
        FileSecretStore(tmp_path / name, KeyringPlace(keyring, name)).put(ONE, {})
    assert len(set(keyring.entries.values())) == 2
    with pytest.raises(RefusedError):
        FileSecretStore(tmp_path / "a", KeyringPlace(keyring, "b")).get(ONE)


def test_a_store_in_the_keyring_is_rekeyed(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    store = FileSecretStore(tmp_path / "a", KeyringPlace(keyring, "a"))
    store.put(ONE, {"name": Secret("1")})
    before = dict(keyring.entries)
    assert store.rekey() == 1
    assert keyring.entries != before
    assert store.get(ONE) == {"name": Secret("1")}


def test_a_lost_entry_is_not_replaced_while_there_are_secrets(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    store = FileSecretStore(tmp_path / "a", KeyringPlace(keyring, "a"))
    store.put(ONE, {})
    keyring.entries.clear()
    with pytest.raises(RefusedError, match="keyring's entry coworker a is gone: put it back"):
        FileSecretStore(tmp_path / "a", KeyringPlace(keyring, "a"))
    with pytest.raises(RefusedError, match="put it back"):
        store.put(ONE, {})
    assert not keyring.entries


@pytest.mark.parametrize("entry", ("", "no base64!", "c2hvcnQ="))
def test_an_entry_that_is_no_key_is_refused(tmp_path: Path, entry: str) -> None:
    keyring = MemoryKeyring()
    keyring.set_password(SERVICE, "a", entry)
    with pytest.raises(RefusedError, match=r"keyring.s entry coworker a (holds no|does not hold)"):
        FileSecretStore(tmp_path / "a", KeyringPlace(keyring, "a"))


def test_a_machine_without_a_keyring_is_told(tmp_path: Path) -> None:
    place = KeyringPlace(NoKeyring(), "a")  # type: ignore[no-untyped-call] # has no types
    with pytest.raises(TenantActionError, match=r"no keyring .* unset COWORKER_SECRETS_KEY"):
        FileSecretStore(tmp_path / "a", place)


def test_a_locked_keyring_is_told(tmp_path: Path) -> None:
    with pytest.raises(TenantActionError, match="keyring is locked: unlock it"):
        FileSecretStore(tmp_path / "a", KeyringPlace(LockedKeyring(), "a"))
