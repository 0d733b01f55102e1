"""The secret store of a machine and of a cluster, well and loosened."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from coworker_pipelines.cluster.rights import Right
from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Outcome
from coworker_pipelines.doctor.secrets import (
    cluster_store_checks,
    file_store_checks,
    master_key_check,
)
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.store_keys import KeyFile
from tests.database.planted import plant
from tests.database_fixtures import MASTER
from tests.doctor.asking import FAILED, NOT_APPLICABLE, OK, answer

REFERENCE = "source/t1/c1"
OPENS, CLOSED = "store opens", "store is closed to others"
COMPLETE = "each connection has its secrets"
WRITES, READS = "Secrets can be written", "Secrets cannot be read"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    _store(tmp_path).put(REFERENCE, {"token": Secret("made-up-value")})
    return tmp_path


def _store(state: Path) -> FileSecretStore:
    return FileSecretStore(state / "secrets", KeyFile(state / "secrets.key"))


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
    assert _asked(state, CLOSED).verdict is OK
    shutil.rmtree(state / "secrets")
    checks = file_store_checks(lambda: pytest.fail("not asked"), state, dict)
    assert answer(checks, CLOSED).verdict is FAILED


def test_a_secret_that_is_missing_is_found(state: Path) -> None:
    found = _asked(state, COMPLETE, shop=REFERENCE, other="source/t1/c2")
    assert (found.verdict, found.seen) == (FAILED, "none for other")


TENANTS = ("t0123456789abcde", "t0123456789abcdf")
SPACES = [f"cw-{tenant}{end}" for tenant in TENANTS for end in ("", "-oauth", "-egress")]
ALL = {(verb, "secrets", space) for verb in ("create", "update", "delete") for space in SPACES}


def _in_cluster(
    name: str, held: set[tuple[str, str, str]], tenants: Sequence[str] = TENANTS
) -> Outcome:
    """Asked of a cluster that gives just these: verb, resource, namespace."""

    def may(right: Right) -> bool:
        resource = f"{right.resource}/{right.subresource}".rstrip("/")
        return (right.verb, resource, right.namespace or "") in held

    checks = cluster_store_checks(
        lambda rights: [right for right in rights if not may(right)],
        lambda rights: [right for right in rights if may(right)],
        lambda: tenants,
    )
    return answer(checks, name)


def test_a_control_plane_that_writes_and_cannot_read_is_well() -> None:
    assert _in_cluster(WRITES, ALL).verdict is OK
    assert _in_cluster(READS, ALL).verdict is OK


@pytest.mark.parametrize("lost", sorted(ALL), ids="-".join)
def test_each_right_that_is_missing_is_found(lost: tuple[str, str, str]) -> None:
    found = _in_cluster(WRITES, ALL - {lost})
    assert (found.verdict, found.seen) == (FAILED, f"may not {lost[0]} secrets in {lost[2]}")


@pytest.mark.parametrize(
    ("verb", "resource"),
    (
        ("get", "secrets"),
        ("list", "secrets"),
        ("watch", "secrets"),
        ("patch", "secrets"),
        ("create", "pods/exec"),
        ("create", "jobs"),
    ),
)
@pytest.mark.parametrize("namespace", ("", "coworker", *SPACES))
def test_each_right_that_leads_to_a_secret_is_found(
    verb: str, resource: str, namespace: str
) -> None:
    found = _in_cluster(READS, ALL | {(verb, resource, namespace)})
    assert found.verdict is FAILED
    assert found.seen.startswith(f"may {verb} {resource}")


def test_before_the_first_tenant_there_is_nowhere_to_write() -> None:
    assert _in_cluster(WRITES, set(), ()).verdict is NOT_APPLICABLE
    assert _in_cluster(READS, set(), ()).verdict is OK
    assert _in_cluster(READS, {("get", "secrets", "")}, ()).verdict is FAILED


def test_of_many_tenants_a_few_are_asked_about() -> None:
    many = [f"t{number:015}" for number in range(500)]
    held = {
        (verb, "secrets", f"cw-{tenant}{end}")
        for verb in ("create", "update", "delete")
        for tenant in many
        for end in ("", "-oauth", "-egress")
    }
    found = _in_cluster(WRITES, held, many)
    assert (found.verdict, found.seen) == (OK, "so it is, for 10 tenants")


def test_a_master_key_that_is_not_the_tenants_is_found(database: Database) -> None:
    plant(database, "acme")
    name = "master key is that of all tenants"
    assert answer([master_key_check(lambda: database, lambda: MASTER)], name).verdict is OK
    other = MasterKey(b"another master key of 32 bytes..")
    found = answer([master_key_check(lambda: database, lambda: other)], name)
    assert (found.verdict, found.seen) == (FAILED, "not those of acme")
