"""Who may do what in the cluster: every binding that reaches our Secrets, Pods and Jobs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from coworker_pipelines.access.grants import Answer, Gap, Grant, Store, Trait
from coworker_pipelines.cluster.client import Cluster, Done
from coworker_pipelines.cluster.names import OWN_NAMESPACE, tenant_of
from coworker_pipelines.cluster.places import Place, Verb
from coworker_pipelines.kernel.errors import CoworkerError, DefectError

RBAC: Final = "rbac.authorization.k8s.io"
EVERYWHERE: Final = "*"
_WRITING: Final = frozenset({"create", "update", "patch", "*"})
_POWERS: Final = frozenset({*_WRITING, "bind", "escalate", "impersonate"})
_ANY: Final = None
_REACHING: Final[Mapping[str, Mapping[str, frozenset[str] | None]]] = {
    "": {
        "secrets": _ANY,
        "pods": _ANY,
        "pods/exec": _ANY,
        "pods/attach": _ANY,
        "pods/log": _ANY,
        "pods/portforward": _ANY,
        "pods/ephemeralcontainers": _WRITING,
        "replicationcontrollers": _WRITING,
        "serviceaccounts": frozenset({"impersonate", "*"}),
        "serviceaccounts/token": _WRITING,
    },
    "apps": {
        "deployments": _WRITING,
        "daemonsets": _WRITING,
        "statefulsets": _WRITING,
        "replicasets": _WRITING,
    },
    "batch": {"jobs": _ANY, "cronjobs": _WRITING},
    RBAC: {
        "roles": _POWERS,
        "clusterroles": _POWERS,
        "rolebindings": _POWERS,
        "clusterrolebindings": _POWERS,
    },
}
"""What shows a Secret, makes a pod that may mount one, or gives the right to do so; with the
verbs that count."""
_RESOURCES: Final = ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
_EVERYBODY: Final = frozenset(
    {"group system:authenticated", "group system:unauthenticated", "user system:anonymous"}
)

Item = Mapping[str, Any]
Listing = Callable[[str], Sequence[Item]]
"""All objects of one of RBAC's resources; raises with the permission that is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rights:
    """The roles of the cluster, by kind, namespace and name."""

    rules: Mapping[tuple[str, str, str], Sequence[Item]]

    def of(self, reference: Item, namespace: str) -> Sequence[Item] | None:
        place = namespace if reference["kind"] == "Role" else ""
        return self.rules.get((reference["kind"], place, reference["name"]))


def cluster_answer(cluster: Cluster) -> Answer:
    """What the cluster tells whoever we are."""

    def listing(resource: str) -> Sequence[Item]:
        answer = cluster.ask(Verb.LIST, Place(resource=resource, group=RBAC))
        if not isinstance(answer, Done):
            raise DefectError(f"The cluster does not list {resource}.")
        items: Sequence[Item] = answer.body.get("items") or ()
        return items

    return kubernetes_answer(listing)


def kubernetes_answer(listing: Listing) -> Answer:
    """Bindings that reach our namespaces, the cluster's own included; or what may not be listed."""
    found: dict[str, Sequence[Item]] = {}
    gaps: list[Gap] = []
    for resource in _RESOURCES:
        try:
            found[resource] = listing(resource)
        except CoworkerError as error:
            gaps.append(
                Gap(
                    store=Store.KUBERNETES,
                    sentence=f"{resource} could not be listed (it needs the verb list on "
                    f"{resource}.{RBAC}): {error}",
                )
            )
    if gaps:
        # A binding without its role says nothing, and a part of them would look like all.
        return Answer(gaps=gaps)
    rights = _Rights(
        rules={
            (kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]): (
                item.get("rules") or ()
            )
            for kind, resource in (("ClusterRole", "clusterroles"), ("Role", "roles"))
            for item in found[resource]
        }
    )
    bindings = [*found["clusterrolebindings"], *found["rolebindings"]]
    grants: list[Grant] = []
    for binding in bindings:
        namespace = binding["metadata"].get("namespace", EVERYWHERE)
        if namespace == EVERYWHERE or _is_ours(namespace):
            grants.extend(_of_binding(binding, namespace, rights))
    return Answer(grants=grants)


def _of_binding(binding: Item, namespace: str, rights: _Rights) -> Iterator[Grant]:
    reference = binding["roleRef"]
    rules = rights.of(reference, namespace)
    word = "cluster role" if reference["kind"] == "ClusterRole" else "role"
    through = f"{word} {reference['name']}, {_binding_name(binding, namespace)}"
    since = datetime.fromisoformat(binding["metadata"]["creationTimestamp"])
    for entry in binding.get("subjects") or ():
        subject = _subject(entry, namespace)
        for resource, verbs in _reached(rules or ()).items():
            yield Grant(
                store=Store.KUBERNETES,
                subject=subject,
                may=tuple(sorted(verbs)),
                on=f"{resource} {'everywhere' if namespace == EVERYWHERE else f'in {namespace}'}",
                through=through,
                since=since,
                traits=_traits(subject, resource, verbs),
            )


def _is_ours(namespace: str) -> bool:
    return namespace == OWN_NAMESPACE or tenant_of(namespace) is not None


def _reached(rules: Sequence[Item]) -> dict[str, set[str]]:
    """Verbs by resource; a rule over everything is one entry ``*``."""
    reached: dict[str, set[str]] = {}
    for rule in rules:
        verbs = set(rule.get("verbs", ()))
        groups, resources = rule.get("apiGroups", ()), rule.get("resources", ())
        if "*" in groups and "*" in resources:
            reached.setdefault("*", set()).update(verbs)
            continue
        for group, counting in _REACHING.items():
            if group in groups or "*" in groups:
                _add_reached(reached, rule, counting)
    return reached


def _add_reached(
    reached: dict[str, set[str]], rule: Item, counting: Mapping[str, frozenset[str] | None]
) -> None:
    limited = rule.get("resourceNames")
    for name, verbs in counting.items():
        given = {verb for verb in rule.get("verbs", ()) if verbs is _ANY or verb in verbs}
        if given and (name in rule["resources"] or "*" in rule["resources"]):
            shown = f"{name} ({', '.join(limited)})" if limited else name
            reached.setdefault(shown, set()).update(given)


def _subject(entry: Item, namespace: str) -> str:
    if entry["kind"] == "ServiceAccount":
        return f"service account {entry.get('namespace', namespace)}/{entry['name']}"
    return f"{entry['kind'].lower()} {entry['name']}"


def _binding_name(binding: Item, namespace: str) -> str:
    name = binding["metadata"]["name"]
    return f"binding {name}" if namespace == EVERYWHERE else f"binding {namespace}/{name}"


def _traits(subject: str, resource: str, verbs: set[str]) -> frozenset[Trait]:
    traits = set()
    if resource == "*" and "*" in verbs:
        traits.add(Trait.SUPERUSER)
    if subject in _EVERYBODY or subject.startswith("group system:serviceaccounts"):
        traits.add(Trait.EVERYBODY)
    return frozenset(traits)
