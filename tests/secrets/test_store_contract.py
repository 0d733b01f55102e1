"""Stores that can be read: both halves of the contract, and what they add."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.keyring_place import KeyringPlace
from coworker_pipelines.secrets.references import source_reference, token_reference
from coworker_pipelines.secrets.store import MemorySecretStore, OpenHouse, SecretStore
from coworker_pipelines.secrets.store_keys import KeyFile
from tests.secrets.contract import (
    PLANTED,
    Planted,
    ReaderContract,
    WriterContract,
    Written,
    plain,
    secret,
)
from tests.secrets.keyrings import MemoryKeyring

SCOPE = Scope(tenant="t0123456789abcde", connection="c0123456789abcde", epoch=1)
OTHER = Scope(tenant="t1123456789abcde", connection="c1123456789abcde", epoch=1)

STORES: dict[str, Callable[[Path], SecretStore]] = {
    "memory": lambda _: MemorySecretStore(),
    "file": lambda folder: FileSecretStore(folder / "secrets", KeyFile(folder / "key")),
    "keyring": lambda folder: FileSecretStore(
        folder / "secrets", KeyringPlace(MemoryKeyring(), str(folder))
    ),
}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStore:
    return STORES[request.param](tmp_path)


class TestReadableStores(WriterContract, ReaderContract):
    @pytest.fixture
    def written(self, store: SecretStore) -> Written:
        def held(reference: str) -> dict[str, str] | None:
            return plain(store.get(reference)) if reference in set(store.references()) else None

        return Written(writer=store, scope=SCOPE, held=held)

    @pytest.fixture
    def planted(self, store: SecretStore) -> Planted:
        def plant(reference: str, values: Mapping[str, str]) -> None:
            store.put(reference, secret(values))

        return Planted(reader=store, scope=SCOPE, plant=plant)


def test_what_is_handed_in_is_copied(store: SecretStore) -> None:
    given_values = {"name": Secret("1")}
    store.put(source_reference(SCOPE), given_values)
    given_values.clear()
    assert plain(store.get(source_reference(SCOPE))) == {"name": "1"}


def test_a_missing_secret_is_asked_for_again(store: SecretStore) -> None:
    with pytest.raises(TenantActionError, match="give the connection's secrets again"):
        store.get(source_reference(SCOPE))


def test_references_are_listed_in_order(store: SecretStore) -> None:
    names = [source_reference(SCOPE), token_reference(SCOPE), "connection/b", "a/z", "tenant/b/c"]
    for name in names:
        store.put(name, {})
    assert list(store.references()) == sorted(names)


def test_a_closed_house_holds_nothing_of_its_tenant(store: SecretStore) -> None:
    house = OpenHouse(store)
    for scope in (SCOPE, OTHER):
        house.open(scope.tenant)
        store.put(source_reference(scope), {"password": Secret(PLANTED)})
        store.put(token_reference(scope), {})
    house.close(SCOPE.tenant)
    assert list(store.references()) == [source_reference(OTHER), token_reference(OTHER)]
