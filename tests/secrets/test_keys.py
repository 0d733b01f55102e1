"""Keys that are made of one another, and the file that the first of them rests in."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.secrets.key_file import read_master_key
from coworker_pipelines.secrets.keys import MasterKey

TENANT = "t0123456789abcde"
OTHER = "t0123456789abcdf"
SALT = "5a" * 32
MASTER = MasterKey(bytes(range(32)))


def test_a_tenants_keys_are_always_the_same() -> None:
    keys = MASTER.tenant_keys(TENANT, SALT)
    assert keys == MasterKey(bytes(range(32))).tenant_keys(TENANT, SALT)
    expected = HKDF(
        algorithm=SHA256(), length=32, salt=bytes.fromhex(SALT), info=f"subject/{TENANT}".encode()
    ).derive(bytes(range(32)))
    assert keys.subject == expected


def test_nothing_that_goes_into_a_key_can_be_left_out() -> None:
    made = [
        MASTER.tenant_keys(TENANT, SALT),
        MASTER.tenant_keys(OTHER, SALT),
        MASTER.tenant_keys(TENANT, "a5" * 32),
        MasterKey(bytes(32)).tenant_keys(TENANT, SALT),
    ]
    keys = [key for one in made for key in (one.subject, one.data)]
    assert len(set(keys)) == len(keys)
    passes = [MASTER.database_pass(TENANT), MASTER.database_pass(OTHER)]
    assert passes[0] != passes[1]


def test_keys_are_not_printed() -> None:
    keys = MASTER.tenant_keys(TENANT, SALT)
    shown = f"{keys!r} {keys} {MASTER!r} {MASTER.database_pass(TENANT)!r}"
    assert keys.subject.hex() not in shown
    assert str(keys.subject) not in shown


def test_the_master_key_is_made_once_by_whoever_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "state" / "master.key"
    with ThreadPoolExecutor(8) as threads:
        masters = list(threads.map(lambda _: read_master_key(path), range(16)))
    assert len({master.database_pass(TENANT).get_secret_value() for master in masters}) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", (0o604, 0o620, 0o666))
def test_a_master_key_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    read_master_key(path)
    path.chmod(mode)
    with pytest.raises(RefusedError, match="open to others: chmod 600"):
        read_master_key(path)


def test_a_mounted_master_key_may_be_read_by_its_group(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    made = read_master_key(path)
    path.chmod(0o440)
    assert read_master_key(path).database_pass(TENANT) == made.database_pass(TENANT)


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.touch(mode=0o600)
    with pytest.raises(RefusedError, match="does not hold 32 bytes"):
        read_master_key(path)
