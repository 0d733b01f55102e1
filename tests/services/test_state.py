"""Where the servers' files and passwords are, and who may see them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.services.account import Account
from coworker_pipelines.services.locks import file_lock
from coworker_pipelines.services.state import (
    Passwords,
    find_servers_folder,
    make_servers_folder,
)

OURSELVES = Account(name="us", uid=os.geteuid(), gid=os.getegid(), switched=False)
STRANGER = Account(name="stranger", uid=64_000, gid=64_000, switched=True)


def test_passwords_are_made_once_and_are_for_their_owner_alone(tmp_path: Path) -> None:
    made = Passwords.make(tmp_path)
    path = tmp_path / "passwords.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Passwords.make(tmp_path) == made
    assert made.postgres != made.elasticsearch
    assert made.postgres.get_secret_value() not in repr(made)


def test_a_password_file_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    Passwords.make(tmp_path)
    (tmp_path / "passwords.json").chmod(0o644)
    with pytest.raises(TenantActionError, match="chmod 600"):
        Passwords.load(tmp_path)


def test_a_password_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(TenantActionError, match="is missing"):
        Passwords.load(tmp_path)


def test_the_servers_are_found_where_they_were_put(tmp_path: Path) -> None:
    assert find_servers_folder(tmp_path) is None
    made = make_servers_folder(tmp_path, account=OURSELVES, fallback=tmp_path / "fallback")
    assert made == tmp_path / "services"
    assert find_servers_folder(tmp_path) == made


def test_a_project_may_be_moved_with_its_state(tmp_path: Path) -> None:
    state = tmp_path / "before"
    state.mkdir()
    make_servers_folder(state, account=OURSELVES, fallback=tmp_path / "fallback")
    moved = state.rename(tmp_path / "after")
    assert find_servers_folder(moved) == moved / "services"


def test_a_closed_home_is_left_closed_and_gone_around(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    state = home / "project"
    state.mkdir()
    made = make_servers_folder(state, account=STRANGER, fallback=open_folder / "fallback")
    assert made.parent == open_folder / "fallback"
    assert find_servers_folder(state) == made
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_state_out_of_reach_is_refused_with_a_way_out(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(TenantActionError, match="outside of closed homes"):
        make_servers_folder(home, account=STRANGER, fallback=home / "fallback")


def test_a_lock_is_for_one_process_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = (
        "import sys, pathlib; from coworker_pipelines.services.locks import file_lock\n"
        "with file_lock(pathlib.Path(sys.argv[1]), wait_s=0):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(RetryLaterError), file_lock(path, wait_s=0):
            pass
        process.kill()
    with file_lock(path, wait_s=0):
        pass
