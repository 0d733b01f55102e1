"""The secret store of a machine and of a cluster, well and loosened."""

from pathlib import Path

import pytest

from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Outcome
from coworker_pipelines.doctor.secrets import (
    Right,
    cluster_store_checks,
    file_store_checks,
    master_key_check,
)
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.keys import MasterKey
from tests.database.planted import plant
from tests.database_fixtures import MASTER
from tests.doctor.asking import FAILED, OK, answer

REFERENCE = "source/t1/c1"
OPENS, CLOSED = "store opens", "store is closed to others"
COMPLETE = "each connection has its secrets"
WRITES, READS = "Secrets can be written", "Secrets cannot be read"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    _store(tmp_path).put(REFERENCE, {"token": Secret("made-up-value")})
    return tmp_path


def _store(state: Path) -> FileSecretStore:
    return FileSecretStore(state / "secrets", state / "secrets.key")


def _asked(state: Path, name: str, **expected: str) -> Outcome:
    return answer(file_store_checks(lambda: _store(state), state, lambda: expected), name)


def test_a_store_as_we_make_it_is_well(state: Path) -> None:
    for name in (OPENS, CLOSED, COMPLETE):
        assert _asked(state, name, shop=REFERENCE).verdict is OK


@pytest.mark.parametrize("place", ("secrets.key", "secrets", f"secrets/{REFERENCE}.secret"))
def test_what_is_open_to_others_is_found(state: Path, place: str) -> None:
    (state / place).chmod(0o755)
    found = _asked(state, CLOSED)
    assert found.verdict is FAILED
    assert found.seen == f"{place} 0755"


def test_a_store_that_refuses_to_open_has_failed(state: Path) -> None:
    (state / "secrets.key").chmod(0o644)
    found = _asked(state, OPENS)
    assert found.verdict is FAILED
    assert "is open to others" in found.seen
    (state / "secrets.key").unlink()
    assert "is gone" in _asked(state, OPENS).seen
    assert _asked(state, CLOSED).verdict is FAILED


def test_a_secret_that_is_missing_is_found(state: Path) -> None:
    found = _asked(state, COMPLETE, shop=REFERENCE, other="source/t1/c2")
    assert (found.verdict, found.seen) == (FAILED, "none for other")


def _in_cluster(name: str, allowed: set[tuple[str, str]]) -> Outcome:
    def may(right: Right) -> bool:
        assert right.resource == "secrets"
        return (right.verb, right.namespace) in allowed

    return answer(cluster_store_checks(may, lambda: ["cw-a", "cw-b"]), name)


ALL = {(verb, space) for verb in ("create", "update", "delete") for space in ("cw-a", "cw-b")}


def test_a_control_plane_that_writes_and_cannot_read_is_well() -> None:
    assert _in_cluster(WRITES, ALL).verdict is OK
    assert _in_cluster(READS, ALL).verdict is OK


@pytest.mark.parametrize("lost", sorted(ALL))
def test_each_right_that_is_missing_is_found(lost: tuple[str, str]) -> None:
    found = _in_cluster(WRITES, ALL - {lost})
    assert (found.verdict, found.seen) == (FAILED, f"may not: {lost[0]} secrets in {lost[1]}")


@pytest.mark.parametrize("verb", ("get", "list", "watch", "patch"))
@pytest.mark.parametrize("namespace", ("cw-b", "default"))
def test_each_right_to_read_is_found(verb: str, namespace: str) -> None:
    found = _in_cluster(READS, ALL | {(verb, namespace)})
    assert (found.verdict, found.seen) == (FAILED, f"may {verb} secrets in {namespace}")


def test_a_master_key_that_is_not_the_tenants_is_found(database: Database) -> None:
    plant(database, "acme")
    name = "master key is that of all tenants"
    assert answer([master_key_check(lambda: database, lambda: MASTER)], name).verdict is OK
    other = MasterKey(b"another master key of 32 bytes..")
    found = answer([master_key_check(lambda: database, lambda: other)], name)
    assert (found.verdict, found.seen) == (FAILED, "not those of acme")
