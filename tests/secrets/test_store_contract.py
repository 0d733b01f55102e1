"""What every secret store promises, held against each of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.store import MemorySecretStore, SecretStore

REFERENCE = "connection/t0123456789abcde/c0123456789abcde"
OTHER = "tenant/t0123456789abcde"
PLANTED = "hunter2-planted"

VALUES = st.dictionaries(st.text(max_size=20), st.text(max_size=200).map(Secret), max_size=4)

Stores = Callable[[Path], SecretStore]


def _file_store(folder: Path) -> SecretStore:
    return FileSecretStore(folder / "secrets", folder / "key")


STORES: dict[str, Stores] = {"memory": lambda _: MemorySecretStore(), "file": _file_store}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStore:
    return STORES[request.param](tmp_path)


def test_what_was_put_comes_back(store: SecretStore) -> None:
    store.put(REFERENCE, {"password": Secret(PLANTED), "empty": Secret("")})
    values = store.get(REFERENCE)
    assert {name: value.get_secret_value() for name, value in values.items()} == {
        "password": PLANTED,
        "empty": "",
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(values=VALUES)
def test_any_text_comes_back(store: SecretStore, values: dict[str, Secret]) -> None:
    store.put(REFERENCE, values)
    assert store.get(REFERENCE) == values


def test_a_secret_is_replaced_whole(store: SecretStore) -> None:
    store.put(REFERENCE, {"old": Secret("1"), "both": Secret("2")})
    store.put(REFERENCE, {"both": Secret("3")})
    assert store.get(REFERENCE) == {"both": Secret("3")}


def test_what_is_handed_out_or_in_is_a_copy(store: SecretStore) -> None:
    given_values = {"name": Secret("1")}
    store.put(REFERENCE, given_values)
    given_values.clear()
    store.get(REFERENCE).clear()
    assert store.get(REFERENCE) == {"name": Secret("1")}


def test_a_missing_secret_asks_for_it_again(store: SecretStore) -> None:
    with pytest.raises(TenantActionError, match="give the connection's secrets again"):
        store.get(REFERENCE)


def test_a_deleted_secret_is_gone(store: SecretStore) -> None:
    store.put(REFERENCE, {"name": Secret("1")})
    store.delete(REFERENCE)
    store.delete(REFERENCE)
    assert list(store.references()) == []
    with pytest.raises(TenantActionError):
        store.get(REFERENCE)


def test_references_are_listed_in_order(store: SecretStore) -> None:
    names = [OTHER, REFERENCE, "connection/b", "connection/b/c", "a/z"]
    for name in names:
        store.put(name, {})
    assert list(store.references()) == sorted(names)


@pytest.mark.parametrize(
    "reference",
    ("", "tenant", "../key", "tenant/../key", "/etc/passwd", "tenant/a/", "Tenant/a", "tenant/a\n"),
)
def test_a_reference_never_leaves_its_place(store: SecretStore, reference: str) -> None:
    for call in (store.get, store.delete, lambda name: store.put(name, {})):
        with pytest.raises(DefectError):
            call(reference)


def test_nothing_that_is_printed_shows_a_value(store: SecretStore) -> None:
    store.put(REFERENCE, {"password": Secret(PLANTED)})
    printed = f"{store!r} {store} {store.get(REFERENCE)!r} {store.get(REFERENCE)}"
    assert PLANTED not in printed


def test_writers_at_once_leave_one_of_their_values(store: SecretStore) -> None:
    def put(number: int) -> None:
        value = Secret(f"{number}" * 1000)
        store.put(REFERENCE, {"one": value, "same": value})
        values = store.get(REFERENCE)
        assert values["one"] == values["same"]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, range(10)))
    assert list(store.references()) == [REFERENCE]
