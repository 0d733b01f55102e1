"""Whether the secret store opens for who uses it, and for nobody else."""

import random
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from coworker_pipelines.cluster.names import OWN_NAMESPACE, tenant_namespaces
from coworker_pipelines.cluster.rights import Right, control_plane_limits, control_plane_rights
from coworker_pipelines.connections.tenants import list_tenants, tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Check, Outcome, not_applicable, outcome
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.store import SecretStore

SUBJECT: Final = "secrets"
ENTRIES_MAX: Final = 100_000
SHOWN_MAX: Final = 5
TENANTS_MAX: Final = 10
"""Each is asked about with two dozen requests."""
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


Rights = Callable[[Sequence[Right]], list[Right]]
"""Those of the rights that are missing, or in excess, as the cluster's own authoriser says."""


def cluster_store_checks(
    missing: Rights, excess: Rights, tenants: Callable[[], Sequence[str]]
) -> list[Check]:
    """``tenants`` are the ids of those that there are."""
    looks = {
        "Secrets can be written": lambda: _writes(missing, _sample(tenants())),
        "Secrets cannot be read": lambda: _reads(excess, _sample(tenants())),
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
    folder, key = state / "secrets", state / "secrets.key"
    if not folder.exists():
        raise RefusedError(f"{folder} is not there.")
    # The key may rest in the system's keyring instead.
    found = [folder, *([key] if key.exists() else []), *folder.rglob("*")]
    assert len(found) <= ENTRIES_MAX
    owner = folder.stat().st_uid
    wrong = [
        f"{path.relative_to(state)} {stat.S_IMODE(path.stat().st_mode):04o}"
        for path in found
        if path.stat().st_mode & _OTHERS or path.stat().st_uid != owner
    ]
    return outcome(
        holds=not wrong,
        expected=expected,
        seen=", ".join(wrong[:SHOWN_MAX]) if wrong else f"so it is, for {len(found):,} of them",
        advice=f"chmod -R go-rwx {folder} {key}, and give them to one user.",
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


def _sample(tenants: Sequence[str]) -> list[str]:
    """Others each time, where there are too many to ask for all of them."""
    chosen = tenants
    if len(tenants) > TENANTS_MAX:
        chosen = random.SystemRandom().sample(tenants, TENANTS_MAX)
    return sorted(chosen)


def _writes(missing: Rights, tenants: list[str]) -> Outcome:
    expected = "create, update and delete secrets in each tenant's namespaces"
    if not tenants:
        return not_applicable(expected, "there is no tenant yet")
    rights = [
        right
        for tenant in tenants
        for namespace in tenant_namespaces(tenant)
        for right in control_plane_rights(namespace)
    ]
    lacking = missing(rights)
    return outcome(
        holds=not lacking,
        expected=expected,
        seen=f"may not {_some(lacking)}" if lacking else f"so it is, for {len(tenants)} tenants",
        advice="Make the tenant's namespaces anew: they bring the binding of the ClusterRole "
        "coworker-tenant-secrets.",
    )


def _reads(excess: Rights, tenants: list[str]) -> Outcome:
    rights = [
        *control_plane_limits(),
        *control_plane_limits(OWN_NAMESPACE),
        *(
            right
            for tenant in tenants
            for namespace in tenant_namespaces(tenant)
            for right in control_plane_limits(namespace)
        ),
    ]
    wide = excess(rights)
    return outcome(
        holds=not wide,
        expected="no right that would show it a secret, anywhere",
        seen=f"may {_some(wide)}" if wide else f"none of {len(rights)} that were asked for",
        advice="Remove the binding that gives it: `coworker access report --store kubernetes`.",
    )


def _some(rights: Sequence[Right]) -> str:
    more = len(rights) - SHOWN_MAX
    shown = ", ".join(str(right) for right in rights[:SHOWN_MAX])
    return f"{shown} and {more:,} more" if more > 0 else shown
