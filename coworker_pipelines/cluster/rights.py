"""Who may do what, asked of the cluster itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from coworker_pipelines.cluster.client import Cluster, Done, Manifest
from coworker_pipelines.cluster.places import Place, Verb
from coworker_pipelines.kernel.errors import DefectError

_REVIEWS = "authorization.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One verb on one resource; without a namespace, in all of them."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        where = "" if self.namespace is None else f" in {self.namespace}"
        return f"{self.verb} {resource}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A service account."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        """Those that every token of it carries."""
        return (
            "system:serviceaccounts",
            f"system:serviceaccounts:{self.namespace}",
            "system:authenticated",
        )


def own_user(cluster: Cluster) -> str:
    """Who the cluster takes us for."""
    place = Place(resource="selfsubjectreviews", group="authentication.k8s.io")
    body = _done(cluster, place, {"kind": "SelfSubjectReview"})
    return str(body["status"]["userInfo"]["username"])


def we_may(cluster: Cluster, right: Right) -> bool:
    """Whether we have the right ourselves. Everybody may ask this."""
    place = Place(resource="selfsubjectaccessreviews", group=_REVIEWS)
    spec = {"resourceAttributes": _attributes(right)}
    return _allowed(_done(cluster, place, {"kind": "SelfSubjectAccessReview", "spec": spec}))


def account_may(cluster: Cluster, account: Account, right: Right) -> bool:
    """Whether a service account has the right.

    Raises:
        RefusedError: we may not ask for others (create subjectaccessreviews).
    """
    place = Place(resource="subjectaccessreviews", group=_REVIEWS)
    spec = {
        "user": account.user,
        "groups": list(account.groups),
        "resourceAttributes": _attributes(right),
    }
    return _allowed(_done(cluster, place, {"kind": "SubjectAccessReview", "spec": spec}))


def missing_rights(cluster: Cluster, rights: Sequence[Right]) -> list[Right]:
    """Those that we ought to have and have not."""
    return [right for right in rights if not we_may(cluster, right)]


def excess_rights(cluster: Cluster, rights: Sequence[Right]) -> list[Right]:
    """Those that we ought not to have and have."""
    return [right for right in rights if we_may(cluster, right)]


def control_plane_rights(namespace: str) -> tuple[Right, ...]:
    """What the control plane needs in a tenant's namespace."""
    verbs = (Verb.CREATE, Verb.UPDATE, Verb.DELETE)
    return tuple(Right(verb=verb, resource="secrets", namespace=namespace) for verb in verbs)


def control_plane_limits(namespace: str | None = None) -> tuple[Right, ...]:
    """What the control plane must not be able to do: any of it would show it a secret."""
    secrets = tuple(
        Right(verb=verb, resource="secrets", namespace=namespace)
        for verb in ("get", "list", "watch", "patch")
    )
    pods = (
        Right(verb="create", resource="pods", namespace=namespace),
        Right(verb="create", resource="pods", subresource="exec", namespace=namespace),
        Right(verb="get", resource="pods", subresource="log", namespace=namespace),
        Right(verb="create", resource="jobs", group="batch", namespace=namespace),
        Right(verb="create", resource="serviceaccounts", subresource="token", namespace=namespace),
    )
    return secrets + pods


def _attributes(right: Right) -> Manifest:
    return {
        "verb": str(right.verb),
        "resource": right.resource,
        "group": right.group,
        "subresource": right.subresource,
        "namespace": right.namespace or "",
        "name": right.name or "",
    }


def _done(cluster: Cluster, place: Place, review: Manifest) -> Manifest:
    answer = cluster.ask(
        Verb.CREATE, place, {"apiVersion": f"{place.group}/{place.version}", **review}
    )
    if not isinstance(answer, Done):
        raise DefectError("A review of rights is stored nowhere, so nothing can be in its way.")
    return answer.body


def _allowed(body: Manifest) -> bool:
    return bool(body["status"]["allowed"])
