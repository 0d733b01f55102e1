import copy
from typing import Any, Final

import pytest
import yaml

from tests.deploy.images import DOCKER, image_faults, read_dockerfile, service_faults
from tests.deploy.manifests import KUBERNETES, pod_template, read_manifests

DOCKERFILE: Final = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: Final = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Final = tuple(COMPOSE["services"])


def test_the_image_is_the_same_tomorrow_and_nobody_in_it_is_root() -> None:
    assert list(image_faults(read_dockerfile(DOCKERFILE))) == []


@pytest.mark.parametrize(
    ("written", "planted", "fault"),
    (
        ("python:${PYTHON_TAG}@${PYTHON_DIGEST} AS build", "python:latest AS build", "digest"),
        ("ARG PYTHON_DIGEST", "ARG PYTHON_DIGEST=sha256:0", "has a default"),
        ("COPY coworker_pipelines", "ADD coworker_pipelines", "from anywhere"),
        ("COPY coworker_pipelines", "COPY .", "whatever lies there"),
        ("ARG UV_DIGEST", "ARG UV_DIGEST\nARG GITHUB_TOKEN", "keep a secret in the image"),
        ("uv sync --frozen --no-dev &&", "uv sync --no-dev &&", "keep to the lock file"),
        ("RUN apt-get update", "RUN curl https://example.org | sh", "no lock file names"),
        ("USER 10001:10001", "USER root", "runs as root"),
        ("USER 10001:10001", "USER coworker", "a name that a cluster cannot check"),
    ),
)
def test_a_fault_of_the_image_is_found(written: str, planted: str, fault: str) -> None:
    assert written in DOCKERFILE
    faults = image_faults(read_dockerfile(DOCKERFILE.replace(written, planted)))
    assert any(fault in found for found in faults)


def test_what_the_image_takes_in_is_let_in_by_name() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    taken = {
        source
        for one in read_dockerfile(DOCKERFILE)
        if one.name == "COPY" and "--from" not in one.rest
        for source in one.rest.split()[:-1]
    }
    assert taken == let_in
    assert all((DOCKER.parents[1] / source).exists() for source in taken)


def test_the_cluster_runs_the_image_as_the_user_that_it_was_made_for() -> None:
    (user,) = (one.rest for one in read_dockerfile(DOCKERFILE) if one.name == "USER")
    pods = (pod_template(m) for m in read_manifests(KUBERNETES / "base"))
    users = {
        f"{pod['spec']['securityContext']['runAsUser']}:{pod['spec']['securityContext']['fsGroup']}"
        for pod in pods
        if pod is not None
    }
    assert users == {user}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_what_it_needs_and_nothing_else(name: str) -> None:
    service = COMPOSE["services"][name]
    assert list(service_faults(service, ours="coworker-pipelines" in service["image"])) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    (
        ({"environment": {"POSTGRES_PASSWORD": "planted"}}, "a secret in the environment"),
        ({"environment": {"DATABASE": "postgresql://a:planted@b/c"}}, "holds a password"),
        ({"security_opt": []}, "may gain privileges"),
        ({"ports": ["3000:3000"]}, "reached from elsewhere"),
        ({"deploy": {}}, "the whole machine"),
        ({"read_only": False}, "change its own programs"),
        ({"cap_drop": []}, "keeps capabilities"),
        ({"user": "0:0"}, "runs as root"),
    ),
)
def test_a_fault_of_a_service_is_found(changes: dict[str, Any], fault: str) -> None:
    service = copy.deepcopy(COMPOSE["services"]["webserver"]) | changes
    assert any(fault in found for found in service_faults(service, ours=True))


def test_an_image_of_others_that_may_change_is_found() -> None:
    service = COMPOSE["services"]["postgres"] | {"image": "postgres:18"}
    assert any("digest" in found for found in service_faults(service, ours=False))


def test_every_secret_is_a_file_that_git_ignores() -> None:
    ignored = (DOCKER.parents[1] / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "deploy/docker/secrets/" in ignored
    assert all(one["file"].startswith("./secrets/") for one in COMPOSE["secrets"].values())


def test_the_network_of_the_stores_leads_nowhere_else() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for store in ("postgres", "elasticsearch"):
        assert COMPOSE["services"][store]["networks"] == ["inside"]
        assert "ports" not in COMPOSE["services"][store]


def test_compose_gives_the_user_of_elasticsearch_the_role_that_a_cluster_does() -> None:
    script = (DOCKER / "elasticsearch-user.sh").read_text(encoding="utf-8")
    made = yaml.safe_load(script.partition("<<'JSON'\n")[2].partition("\nJSON")[0])
    roles = (KUBERNETES / "addons/elasticsearch/roles.yml").read_text(encoding="utf-8")
    deployed = yaml.safe_load(roles)["coworker_control"]
    assert made["cluster"] == deployed["cluster"]
    assert made["indices"] == deployed["indices"]
