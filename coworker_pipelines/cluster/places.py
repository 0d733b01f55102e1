"""Where an object of the API is."""

from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """What RBAC calls the things that we do; applying is a patch to it."""

    GET = "get"
    LIST = "list"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An object, or a collection where there is no ``name``."""

    resource: str
    group: str = ""
    version: str = "v1"
    namespace: str | None = None
    name: str | None = None

    def path(self, verb: Verb) -> str:
        """The path of the API; what is created has its name in the body alone."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if self.namespace is not None:
            parts += ["namespaces", self.namespace]
        parts.append(self.resource)
        if self.name is not None and verb is not Verb.CREATE:
            parts.append(self.name)
        return "/".join(parts)

    @property
    def where(self) -> str:
        """The words for a sentence: the resource, and its namespace where it has one."""
        inside = "" if self.namespace is None else f" in namespace {self.namespace}"
        return f"{self.resource}{inside}"


def namespace_place(name: str) -> Place:
    return Place(resource="namespaces", name=name)
