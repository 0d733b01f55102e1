"""Keys of connections on a real node: as they are minted, and as they must not be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.doctor.check import Check, Outcome
from coworker_pipelines.doctor.keys import key_checks
from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import mint_key, revoke_keys
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.doctor.asking import FAILED, NOT_APPLICABLE, OK, WARNING, answer

HANDLE = "acme.shop"
PRESENT, EXPIRY = "each connection has one", "none is close to its end"
RIGHTS, TRIED = "each opens its own indices alone", "one that is tried opens nothing else"
NAMES = (PRESENT, EXPIRY, RIGHTS, TRIED)
NOW = datetime.now(UTC)


class Keys:
    """A connection's scope, and the key that a run of it would come with."""

    def __init__(self, admin: Elasticsearch, address: ElasticsearchAddress) -> None:
        self.admin = admin
        self.scope = Scope(
            tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1
        )
        self._address = address
        self.key = mint_key(admin, self.scope).value

    def checks(self, now: datetime = NOW) -> list[Check]:
        return key_checks(lambda: self.admin, lambda: {HANDLE: self.scope}, self._own, lambda: now)

    def ask(self, name: str, now: datetime = NOW) -> Outcome:
        return answer(self.checks(now), name)

    def widen(self, *, cluster: list[str], pattern: str, expiration: str | None = None) -> Secret:
        """Another key under the connection's name, as somebody else might mint it."""
        answer = self.admin.security.create_api_key(
            name=names.role(self.scope),
            role_descriptors={
                "x": {
                    "cluster": cluster,
                    "indices": [{"names": [pattern], "privileges": ["read", "write"]}],
                }
            },
            expiration=expiration,
            refresh="true",
        )
        return Secret(answer["encoded"])

    def _own(self, handle: str) -> ElasticsearchAddress:
        assert handle == HANDLE
        return ElasticsearchAddress(url=self._address.url, api_key=self.key)


@pytest.fixture
def keys(admin: Elasticsearch, elasticsearch_address: ElasticsearchAddress) -> Iterator[Keys]:
    made = Keys(admin, elasticsearch_address)
    yield made
    revoke_keys(admin, made.scope)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_as_we_mint_it_is_well(keys: Keys, name: str) -> None:
    assert keys.ask(name).verdict is OK


def test_a_connection_without_a_key_is_found(keys: Keys) -> None:
    revoke_keys(keys.admin, keys.scope)
    found = keys.ask(PRESENT)
    assert (found.verdict, found.seen) == (FAILED, f"none for {HANDLE}")
    tried = keys.ask(TRIED)
    assert tried.verdict is FAILED
    assert "revoked" in tried.seen


def test_a_key_that_ends_soon_is_found_before_it_does(keys: Keys) -> None:
    revoke_keys(keys.admin, keys.scope)
    keys.widen(cluster=[], pattern=names.connection_pattern(keys.scope), expiration="10d")
    assert keys.ask(EXPIRY).verdict is OK
    found = keys.ask(EXPIRY, NOW + timedelta(days=4))
    assert found.verdict is WARNING
    assert found.seen.startswith(f"ending: {HANDLE} (")


@pytest.mark.parametrize(("cluster", "pattern"), (([], "cw.*"), (["monitor"], None)))
def test_a_key_that_is_wider_than_its_connection_is_found(
    keys: Keys, cluster: list[str], pattern: str | None
) -> None:
    own = names.connection_pattern(keys.scope)
    keys.key = keys.widen(cluster=cluster, pattern=pattern or own)
    found = keys.ask(RIGHTS)
    assert (found.verdict, found.seen) == (FAILED, f"others or more: {HANDLE}")
    tried = keys.ask(TRIED)
    assert tried.verdict is FAILED
    assert ("may read on cw.*" if pattern else "may monitor") in tried.seen


def test_a_key_that_opens_too_little_is_found(keys: Keys) -> None:
    keys.key = keys.widen(cluster=[], pattern="cw.other.*")
    assert "lacks read" in keys.ask(TRIED).seen


def test_where_no_key_can_be_read_nothing_is_tried(keys: Keys) -> None:
    checks = key_checks(lambda: keys.admin, lambda: {HANDLE: keys.scope}, None, lambda: NOW)
    assert answer(checks, TRIED).verdict is NOT_APPLICABLE


def test_where_there_is_no_connection_there_is_nothing_wrong(keys: Keys) -> None:
    checks = key_checks(lambda: keys.admin, dict, keys._own, lambda: NOW)
    assert answer(checks, TRIED).verdict is NOT_APPLICABLE
    assert answer(checks, PRESENT).verdict is OK
