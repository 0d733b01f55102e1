from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.cluster.names import (
    namespace_of,
    oauth_namespace_of,
    secret_name,
    tenant_of,
)
from coworker_pipelines.kernel.ids import ALPHABET, RANDOM_CHARACTERS, IdPrefix
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.references import (
    access_reference,
    grant_reference,
    source_reference,
    token_reference,
)

DNS_LABEL_CHARACTERS_MAX = 63


def ids(prefix: IdPrefix) -> st.SearchStrategy[str]:
    return st.text(ALPHABET, min_size=RANDOM_CHARACTERS, max_size=RANDOM_CHARACTERS).map(
        lambda text: f"{prefix}{text}"
    )


SCOPES = st.builds(
    Scope, tenant=ids(IdPrefix.TENANT), connection=ids(IdPrefix.CONNECTION), epoch=st.just(1)
)


def _references(scope: Scope) -> list[str]:
    return [
        source_reference(scope),
        access_reference(scope),
        token_reference(scope),
        grant_reference(scope, "g0123456789abcde"),
        grant_reference(scope, "g1123456789abcde"),
    ]


@given(one=SCOPES, other=SCOPES)
def test_no_two_secrets_share_a_place(one: Scope, other: Scope) -> None:
    references = {*_references(one), *_references(other)}
    assert len({secret_name(reference).place for reference in references}) == len(references)


@given(scope=SCOPES)
def test_a_namespace_tells_its_tenant_and_fits_a_dns_label(scope: Scope) -> None:
    for namespace in (namespace_of(scope.tenant), oauth_namespace_of(scope.tenant)):
        assert tenant_of(namespace) == scope.tenant
        assert len(namespace) <= DNS_LABEL_CHARACTERS_MAX
        assert tenant_of(f"{namespace}-more") is None
        assert tenant_of(f"x{namespace}") is None


def test_no_other_namespace_is_a_tenants() -> None:
    assert [tenant_of(name) for name in ("kube-system", "cw-", "cw-t123", "coworker")] == [None] * 4
