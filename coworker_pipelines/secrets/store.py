"""The port behind which secrets rest."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from coworker_pipelines.kernel.errors import DefectError, TenantActionError

_REFERENCE = re.compile(r"[a-z]+(/[a-z0-9]+){1,3}")


class SecretStore(ABC):
    """Secrets by reference: a few named values each, replaced whole."""

    @abstractmethod
    def put(self, reference: str, values: Mapping[str, SecretStr]) -> None:
        """After this the reference holds these values and no others."""

    @abstractmethod
    def get(self, reference: str) -> dict[str, SecretStr]:
        """The values.

        Raises:
            TenantActionError: there is no such secret.
            RefusedError: it was changed by somebody else than this store.
        """

    @abstractmethod
    def delete(self, reference: str) -> None:
        """After this there is no such secret, whether there was one or not."""

    @abstractmethod
    def references(self) -> Iterator[str]:
        """All references, sorted."""


class MemorySecretStore(SecretStore):
    """A fake that forgets when its process ends."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, SecretStr]] = {}

    def put(self, reference: str, values: Mapping[str, SecretStr]) -> None:
        self._values[checked_reference(reference)] = dict(values)

    def get(self, reference: str) -> dict[str, SecretStr]:
        try:
            return dict(self._values[checked_reference(reference)])
        except KeyError:
            raise missing(reference) from None

    def delete(self, reference: str) -> None:
        self._values.pop(checked_reference(reference), None)

    def references(self) -> Iterator[str]:
        yield from sorted(self._values)


def checked_reference(reference: str) -> str:
    if not _REFERENCE.fullmatch(reference):
        raise DefectError("A secret was asked for by a reference that is none.")
    return reference


def missing(reference: str) -> TenantActionError:
    return TenantActionError(
        f"The secret store has no secret {reference}: give the connection's secrets again."
    )
