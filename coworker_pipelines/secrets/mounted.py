"""What a run finds in its pod: the secrets of its own connection, as read-only files."""

from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.references import (
    access_reference,
    source_reference,
    token_reference,
)
from coworker_pipelines.secrets.store import SecretReader, checked_reference, missing

_ACCESS: Final = "access"
_SOURCE: Final = "source"


class MountedSecretReader(SecretReader):
    """A folder for each of the connection's references, a file for each of its values.

    Files are read each time: the kubelet swaps them when a Secret changes, under a long run too.
    """

    def __init__(self, mount: Path) -> None:
        self._mount = mount

    def get(self, reference: str) -> dict[str, Secret]:
        part = checked_reference(reference).partition("/")[0]
        if reference not in self._own():
            raise RefusedError("A run was asked for secrets that are not its connection's.")
        values = self._read(part)
        # A source without sensitive settings has a Secret without values, which is no folder: a
        # pod whose Secret itself is missing never starts.
        if not values and part != _SOURCE:
            raise missing(reference)
        return values

    def own_access(self) -> dict[str, Secret]:
        """What the connection itself is let into our stores with.

        Raises:
            RefusedError: nothing is mounted.
        """
        values = self._read(_ACCESS)
        if not values:
            raise RefusedError(f"This run has no secrets: nothing is mounted at {self._mount}.")
        return values

    def _own(self) -> frozenset[str]:
        access = self.own_access()
        scope = Scope(
            tenant=access["tenant"].get_secret_value(),
            connection=access["connection"].get_secret_value(),
            epoch=0,
        )
        return frozenset(
            make(scope) for make in (source_reference, access_reference, token_reference)
        )

    def _read(self, part: str) -> dict[str, Secret]:
        folder = self._mount / part
        # ``..data`` and the folder that it leads to are the kubelet's.
        files = (path for path in folder.glob("[!.]*") if path.is_file())
        return {path.name: Secret(path.read_text(encoding="utf-8")) for path in files}
