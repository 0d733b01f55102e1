"""What a real node tells of users, roles, role mappings and keys, planted and found again."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.access.elasticsearch import OWN_NODE, OWN_USER, elasticsearch_answer
from coworker_pipelines.access.findings import Known, judged
from coworker_pipelines.access.grants import Finding, Grant, Trait
from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import KEY_LIFE, mint_key, revoke_keys
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.address import ElasticsearchAddress

PASSWORD = "made-up-long"


@pytest.fixture
def scope(admin: Elasticsearch) -> Iterator[Scope]:
    made = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
    yield made
    revoke_keys(admin, made)


@pytest.fixture
def word() -> str:
    """A name of the test's own: the node is everybody's."""
    return f"review-{token_hex(6)}"


def _of(client: Elasticsearch, subject: str) -> list[Grant]:
    return [grant for grant in elasticsearch_answer(client).grants if grant.subject == subject]


def _found(grant: Grant, *connections: str) -> tuple[Finding, ...]:
    return judged(grant, Known(now=datetime.now(UTC), connections=connections)).findings


def test_a_connections_key_is_explained_while_its_connection_is_there(
    admin: Elasticsearch, scope: Scope
) -> None:
    minted = mint_key(admin, scope)
    (grant,) = _of(admin, f"key {names.role(scope)}")
    assert grant.on == names.connection_pattern(scope)
    assert grant.until == minted.expires_at
    assert grant.since is not None
    assert abs(grant.since + KEY_LIFE - minted.expires_at).total_seconds() < 1
    assert f"id {minted.id}, owner coworker" in grant.through
    assert _found(grant, scope.connection) == ()
    assert _found(grant) == (Finding.CONNECTION_GONE,)


def test_a_key_that_was_taken_back_is_over(admin: Elasticsearch, scope: Scope) -> None:
    mint_key(admin, scope)
    revoke_keys(admin, scope)
    (grant,) = _of(admin, f"key {names.role(scope)}")
    assert Trait.ENDED in grant.traits
    assert _found(grant) == ()


@pytest.mark.parametrize(
    ("descriptors", "findings"),
    (
        (None, {Finding.UNEXPLAINED, Finding.UNRESTRICTED, Finding.NEVER_EXPIRES}),
        (
            {"x": {"cluster": ["all"], "indices": []}},
            {Finding.UNEXPLAINED, Finding.SUPERUSER, Finding.NEVER_EXPIRES},
        ),
        (
            {"x": {"indices": [{"names": ["cw.*"], "privileges": ["read"]}]}},
            {Finding.UNEXPLAINED, Finding.NEVER_EXPIRES},
        ),
    ),
)
def test_a_key_of_somebody_elses_is_found(
    admin: Elasticsearch,
    word: str,
    descriptors: dict[str, dict[str, Any]] | None,
    findings: set[Finding],
) -> None:
    admin.security.create_api_key(name=word, role_descriptors=descriptors, refresh="true")
    try:
        (grant,) = _of(admin, f"key {word}")
    finally:
        admin.security.invalidate_api_key(name=word)
    assert set(_found(grant)) == findings


def test_users_roles_and_mappings_are_found(admin: Elasticsearch, word: str) -> None:
    with ExitStack() as undo:
        admin.security.put_role(
            name=word,
            cluster=["monitor"],
            indices=[{"names": ["cw.*", "logs"], "privileges": ["read"]}],
        )
        undo.callback(admin.security.delete_role, name=word)
        admin.security.put_user(username=word, password=PASSWORD, roles=["superuser", word])
        undo.callback(admin.security.delete_user, username=word)
        admin.security.put_role_mapping(
            name=word, enabled=True, roles=["superuser"], rules={"field": {"username": "*"}}
        )
        undo.callback(admin.security.delete_role_mapping, name=word)
        role = _of(admin, f"role {word}")
        strong, plain = sorted(_of(admin, f"user {word}"), key=lambda grant: grant.may)[::-1]
        (mapping,) = _of(admin, f"whoever the role mapping {word} matches")
    assert {(grant.on, grant.may) for grant in role} == {
        ("cluster", ("monitor",)),
        ("cw.*", ("read",)),
        ("logs", ("read",)),
    }
    assert _found(strong) == (Finding.UNEXPLAINED, Finding.SUPERUSER)
    assert _found(plain) == (Finding.UNEXPLAINED,)
    assert _found(mapping) == (Finding.UNEXPLAINED, Finding.SUPERUSER)


def test_our_own_superuser_is_explained_on_our_own_node_alone(admin: Elasticsearch) -> None:
    for own, findings in (
        (OWN_NODE, (Finding.SUPERUSER,)),
        (OWN_USER, (Finding.UNEXPLAINED, Finding.SUPERUSER)),
    ):
        (grant,) = [
            grant
            for grant in elasticsearch_answer(admin, own=own).grants
            if grant.subject == "user coworker"
        ]
        assert grant.through == own
        assert _found(grant) == findings


def test_what_the_caller_may_not_see_is_a_gap_that_names_the_right(
    admin: Elasticsearch, elasticsearch_address: ElasticsearchAddress, word: str
) -> None:
    admin.security.put_user(username=word, password=PASSWORD, roles=["monitoring_user"])
    address = replace(elasticsearch_address, user=word, password=Secret(PASSWORD))
    try:
        with open_client(address) as client:
            answer = elasticsearch_answer(client)
    finally:
        admin.security.delete_user(username=word)
    assert answer.grants == []
    sentences = [gap.sentence for gap in answer.gaps]
    for what in ("users", "roles", "role mappings", "API keys"):
        assert any(f"The {what} could not be listed" in said for said in sentences)
    assert sum("read_security" in said for said in sentences) == 4
    assert any("file realm" in said for said in sentences)
