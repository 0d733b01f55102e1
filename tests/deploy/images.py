"""The rules that our image and our compose file are held to: each names what breaks it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.deploy.scripts import DEPLOY

DOCKER: Final = DEPLOY / "docker"
_SENSITIVE: Final = re.compile(r"PASSWORD|SECRET|TOKEN|API_KEY|_URL$")
_ADDRESS_WITH_PASSWORD: Final = re.compile(r"://[^/@]*:[^/@]*@")
Service = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """A line of a Dockerfile, with those that go on with it."""

    name: str
    rest: str


def read_dockerfile(text: str) -> list[Instruction]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        Instruction(name=line.partition(" ")[0], rest=line.partition(" ")[2])
        for line in whole.splitlines()
    ]


def image_faults(instructions: list[Instruction]) -> Iterator[str]:
    """What would make the image another one tomorrow, or more powerful than it need be."""
    for one in instructions:
        if one.name == "FROM" and not re.search(r"@\$\{\w+_DIGEST\}", one.rest):
            yield f"{one.rest} is not named by its digest"
        if one.name == "ARG" and one.rest.partition("=")[0].endswith("_DIGEST") and "=" in one.rest:
            yield f"{one.rest} has a default"
        if one.name == "ADD":
            yield f"{one.rest} may come from anywhere"
        if one.name in {"ENV", "ARG"} and _SENSITIVE.search(one.rest.partition("=")[0]):
            yield f"{one.rest} would keep a secret in the image"
        if one.name == "COPY" and one.rest.split()[0] in {".", "./"}:
            yield f"{one.rest} takes in whatever lies there"
        if one.name == "RUN" and re.search(r"curl|wget|pip install|chmod 777", one.rest):
            yield f"{one.rest} brings in what no lock file names"
        if one.name == "RUN" and "uv sync" in one.rest and "--frozen" not in one.rest:
            yield f"{one.rest} does not keep to the lock file"
    users = [one.rest for one in instructions if one.name == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield "runs as root, or as a name that a cluster cannot check"


def service_faults(service: Service, *, ours: bool) -> Iterator[str]:
    """What a service of the compose file is not allowed to be, or lacks."""
    yield from _environment_faults(service.get("environment", {}))
    if "no-new-privileges:true" not in service.get("security_opt", ()):
        yield "may gain privileges"
    if "@${" not in service["image"] and not ours:
        yield "has an image that is not named by its digest"
    for port in service.get("ports", ()):
        if not port.startswith("127.0.0.1:"):
            yield f"{port} can be reached from elsewhere"
    if "limits" not in service.get("deploy", {}).get("resources", {}):
        yield "may take the whole machine"
    if ours and (not service.get("read_only") or service.get("cap_drop") != ["ALL"]):
        yield "may change its own programs, or keeps capabilities"
    if ours and service.get("user", "").startswith("0"):
        yield "runs as root"


def _environment_faults(environment: Mapping[str, Any]) -> Iterator[str]:
    for name, value in environment.items():
        is_file = name.endswith("_FILE")
        if _SENSITIVE.search(name) and not is_file and "elasticsearch:9200" not in str(value):
            yield f"{name} would be a secret in the environment"
        if _ADDRESS_WITH_PASSWORD.search(str(value)):
            yield f"{name} holds a password"
