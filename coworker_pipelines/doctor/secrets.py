"""Whether the secret store opens for who uses it, and for nobody else."""

import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coworker_pipelines.connections.tenants import list_tenants, tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Check, Outcome, outcome
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.store import SecretStore

SUBJECT: Final = "secrets"
ENTRIES_MAX: Final = 100_000
SHOWN_MAX: Final = 5
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def file_store_checks(
    store: Callable[[], SecretStore], state: Path, expected: Callable[[], Mapping[str, str]]
) -> list[Check]:
    """``expected`` are the references that must be there, by whose they are."""
    looks = {
        "store opens": lambda: _opens(store()),
        "store is closed to others": lambda: _modes(state),
        "each connection has its secrets": lambda: _complete(store(), expected()),
    }
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def master_key_check(database: Callable[[], Database], master: Callable[[], MasterKey]) -> Check:
    """Whether every tenant was made under this master key."""
    return Check(
        subject=SUBJECT,
        name="master key is that of all tenants",
        look=lambda: _master(database(), master()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A verb on a resource in a namespace, of who runs this check; ``group`` is the API's."""

    verb: str
    resource: str
    namespace: str
    group: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} in {self.namespace}"


WRITES: Final = ("create", "update", "delete")
READS: Final = ("get", "list", "watch", "patch")


def cluster_store_checks(
    may: Callable[[Right], bool], namespaces: Callable[[], Iterable[str]]
) -> list[Check]:
    """``namespaces`` are those of the tenants; ``may`` asks the cluster's own authoriser."""
    looks = {
        "Secrets can be written": lambda: _cluster_writes(may, list(namespaces())),
        "Secrets cannot be read": lambda: _cluster_reads(may, list(namespaces())),
    }
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def _master(database: Database, master: MasterKey) -> Outcome:
    foreign = []
    with database.control() as session:
        tenants = list_tenants(session)
        for tenant in tenants:
            try:
                tenant_keys(session, master, tenant.id)
            except RefusedError:
                foreign.append(tenant.slug)
    return outcome(
        holds=not foreign,
        expected="each tenant's keys come from it",
        seen=f"not those of {', '.join(foreign[:SHOWN_MAX])}"
        if foreign
        else f"those of {len(tenants):,} tenants do",
        advice="Put the master key back under which these tenants were made.",
    )


def _opens(store: SecretStore) -> Outcome:
    count = sum(1 for _ in store.references())
    return outcome(holds=True, expected="it opens", seen=f"it opens: {count:,} secrets", advice="")


def _modes(state: Path) -> Outcome:
    expected = "0600 for files and 0700 for folders, and all of one owner"
    places = [state / "secrets", state / "secrets.key"]
    missing = [path.name for path in places if not path.exists()]
    if missing:
        raise RefusedError(f"{', '.join(missing)} is not in {state}.")
    found = [*places, *(state / "secrets").rglob("*")]
    assert len(found) <= ENTRIES_MAX
    owner = places[0].stat().st_uid
    wrong = [
        f"{path.relative_to(state)} {stat.S_IMODE(path.stat().st_mode):04o}"
        for path in found
        if path.stat().st_mode & _OTHERS or path.stat().st_uid != owner
    ]
    return outcome(
        holds=not wrong,
        expected=expected,
        seen=", ".join(wrong[:SHOWN_MAX]) if wrong else f"so it is, for {len(found):,} of them",
        advice=f"chmod -R go-rwx {places[0]} {places[1]}, and give them to one user.",
    )


def _complete(store: SecretStore, expected: Mapping[str, str]) -> Outcome:
    there = frozenset(store.references())
    without = sorted(whose for whose, reference in expected.items() if reference not in there)
    return outcome(
        holds=not without,
        expected="an entry for each tenant and connection",
        seen=f"none for {', '.join(without[:SHOWN_MAX])}" if without else "nothing is missing",
        advice="Give the secrets of what is named again, or bring the store back from its backup.",
    )


def _cluster_writes(may: Callable[[Right], bool], namespaces: list[str]) -> Outcome:
    missing = [right for right in _rights(WRITES, namespaces) if not may(right)]
    return outcome(
        holds=not missing,
        expected=f"{', '.join(WRITES)} secrets in each tenant's namespace",
        seen=f"may not: {_some(missing)}" if missing else _everywhere(namespaces),
        advice="Bind the ClusterRole coworker-tenant-secrets to the control plane there.",
    )


def _cluster_reads(may: Callable[[Right], bool], namespaces: list[str]) -> Outcome:
    wide = [right for right in _rights(READS, [*namespaces, "default"]) if may(right)]
    return outcome(
        holds=not wide,
        expected=f"no right to {', '.join(READS)} secrets, anywhere",
        seen=f"may {_some(wide)}" if wide else _everywhere(namespaces),
        advice="Remove the binding that gives it: `coworker access report --store kubernetes`.",
    )


def _rights(verbs: Iterable[str], namespaces: list[str]) -> list[Right]:
    return [
        Right(verb=verb, resource="secrets", namespace=namespace)
        for namespace in namespaces
        for verb in verbs
    ]


def _everywhere(namespaces: list[str]) -> str:
    return f"so it is, in {len(namespaces):,} namespaces"


def _some(rights: list[Right]) -> str:
    more = len(rights) - SHOWN_MAX
    shown = ", ".join(str(right) for right in rights[:SHOWN_MAX])
    return f"{shown} and {more:,} more" if more > 0 else shown
