"""Whether what runs is of the versions that the project was built and tested with."""

import re
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Final

from elasticsearch import Elasticsearch
from sqlalchemy import text

from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Check, Outcome, outcome
from coworker_pipelines.documents.client import translated

SUBJECT: Final = "versions"
PYTHON_MIN: Final = (3, 11)
POSTGRES_MIN: Final = 16
"""Its memberships say since then whether a role may be taken on."""
KUBERNETES_MIN: Final = (1, 30)
"""Since then it has validating admission policies, which keep our accounts to our namespaces."""
DISTRIBUTION: Final = "coworker-pipelines"
_PINNED: Final = re.compile(r"([A-Za-z0-9_.-]+)==([^;\s]+)")


def version_checks(
    database: Callable[[], Database],
    client: Callable[[], Elasticsearch],
    cluster: Callable[[], str] | None,
) -> list[Check]:
    """``cluster`` tells Kubernetes' version, as in ``v1.33.1``, where there is a cluster."""
    looks: dict[str, Callable[[], Outcome]] = {
        "Python": lambda: python_version(sys.version_info[:3]),
        "installed packages": lambda: pinned_versions(_pins(), _installed),
        "Elasticsearch": lambda: elasticsearch_versions(
            _server_versions(client()), metadata.version("elasticsearch")
        ),
        "Postgres": lambda: postgres_version(_postgres(database())),
    }
    if cluster is not None:
        looks["Kubernetes"] = lambda: kubernetes_version(cluster())
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def python_version(version: tuple[int, ...]) -> Outcome:
    return outcome(
        holds=version[:2] >= PYTHON_MIN,
        expected=f"{_dotted(PYTHON_MIN)} or newer",
        seen=_dotted(version),
        advice="Install a newer Python and the environment anew.",
    )


def pinned_versions(pins: Mapping[str, str], installed: Callable[[str], str | None]) -> Outcome:
    """Those that the project needs exactly."""
    wrong = [
        f"{name} {installed(name) or 'is missing'}"
        for name, version in sorted(pins.items())
        if installed(name) != version
    ]
    return outcome(
        holds=bool(pins) and not wrong,
        expected=", ".join(f"{name} {version}" for name, version in sorted(pins.items())),
        seen=", ".join(wrong) or "just these",
        advice="Install what uv.lock describes: `make setup`.",
    )


def elasticsearch_versions(servers: Mapping[str, str], client: str) -> Outcome:
    """Client and nodes of one major version: the client speaks no other."""
    major = client.partition(".")[0]
    other = sorted({version for version in servers.values() if version.split(".")[0] != major})
    return outcome(
        holds=bool(servers) and not other,
        expected=f"{major}.x on each node, as the client",
        seen=f"{', '.join(sorted(set(servers.values()))) or 'no node'}, client {client}",
        advice=f"Upgrade the nodes to {major}.x, or install the client of their version.",
    )


def postgres_version(number: int) -> Outcome:
    """``number`` as Postgres tells it: 180004 is 18.4."""
    return outcome(
        holds=number // 10_000 >= POSTGRES_MIN,
        expected=f"{POSTGRES_MIN} or newer",
        seen=f"{number // 10_000}.{number % 10_000}",
        advice="Upgrade the database server.",
    )


def kubernetes_version(version: str) -> Outcome:
    parts = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    return outcome(
        holds=parts >= KUBERNETES_MIN,
        expected=f"{_dotted(KUBERNETES_MIN)} or newer",
        seen=version,
        advice="Upgrade the cluster's control plane.",
    )


def _pins() -> dict[str, str]:
    matches = (_PINNED.fullmatch(line) for line in metadata.requires(DISTRIBUTION) or ())
    return {match[1]: match[2] for match in matches if match}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _server_versions(client: Elasticsearch) -> dict[str, str]:
    with translated():
        nodes = client.nodes.info(filter_path="nodes.*.version").get("nodes", {})
    return {name: node["version"] for name, node in nodes.items()}


def _postgres(database: Database) -> int:
    with database.control() as session:
        return int(session.scalar(text("SHOW server_version_num")) or 0)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
