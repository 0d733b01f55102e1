"""The port behind which secrets rest."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Final

from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.kernel.secret import Secret

SECRET_BYTES_MAX: Final = 1024 * 1024
"""What a Secret of Kubernetes holds at the most, so that every store takes what each takes."""

_REFERENCE = re.compile(r"[a-z]+(/[a-z0-9]+){1,3}")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}")


class SecretWriter(ABC):
    """Puts secrets away, and need not be able to look at them: the control plane's half."""

    @abstractmethod
    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        """After this the reference holds these values and no others.

        Raises:
            TenantActionError: together they are larger than ``SECRET_BYTES_MAX``.
            DefectError: a name is none that a file and a Secret's key can have.
        """

    @abstractmethod
    def delete(self, reference: str) -> None:
        """After this there is no such secret, whether there was one or not."""


class SecretHouse(ABC):
    """Where each tenant has a place of its own for its secrets."""

    @abstractmethod
    def open(self, tenant: str) -> None:
        """After this the tenant's secrets can be put; once more changes nothing."""

    @abstractmethod
    def close(self, tenant: str) -> None:
        """After this the tenant has no place, and nothing that was in it is left."""


class SecretReader(ABC):
    """Gets secrets out: the half of who uses them."""

    @abstractmethod
    def get(self, reference: str) -> dict[str, Secret]:
        """The values.

        Raises:
            TenantActionError: there is no such secret.
            RefusedError: it was changed by somebody else than this store.
        """


class SecretStore(SecretWriter, SecretReader):
    """Both halves: secrets by reference, a few named values each, replaced whole."""

    @abstractmethod
    def references(self) -> Iterator[str]:
        """All references, sorted."""


class OpenHouse(SecretHouse):
    """Of a store in which a place is there as soon as something is put into it."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def open(self, tenant: str) -> None:
        pass

    def close(self, tenant: str) -> None:
        for reference in self._store.references():
            if reference.split("/")[1] == tenant:
                self._store.delete(reference)


class MemorySecretStore(SecretStore):
    """A fake that forgets when its process ends."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Secret]] = {}

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        self._values[checked_reference(reference)] = checked_values(values)

    def get(self, reference: str) -> dict[str, Secret]:
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


def checked_values(values: Mapping[str, Secret]) -> dict[str, Secret]:
    """The values, whose names and whose size every store can take.

    Raises:
        TenantActionError: together they are too large.
        DefectError: a name is none that a file and a Secret's key can have.
    """
    for name in values:
        if not _NAME.fullmatch(name):
            raise DefectError("A secret value has a name that no store can keep it under.")
    size = sum(len(value.get_secret_value().encode()) for value in values.values())
    if size > SECRET_BYTES_MAX:
        raise TenantActionError(
            f"A connection's secrets have at most {SECRET_BYTES_MAX} bytes together, and these "
            f"have {size}."
        )
    return dict(values)


def missing(reference: str) -> TenantActionError:
    return TenantActionError(
        f"The secret store has no secret {reference}: give the connection's secrets again."
    )
