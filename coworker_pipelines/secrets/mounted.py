"""What a run finds in its pod: the secrets of its own connection, as read-only files.

A folder for each part (``source``, ``access``, ``token``), in it a file for each value. Among
those of ``access`` are ``tenant`` and ``connection``, the ids of whose secrets these are.

Decided: a file has to be closed to others and unchangeable for all but its owner, so mode 0400,
or 0440, which the kubelet makes of it where a pod has an ``fsGroup``; without that a process that
is not root could read nothing. Folders may be open: the kubelet's are, and the volume is in no
file system but the pod's.
"""

import os
import stat
import time
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.references import (
    access_reference,
    source_reference,
    token_reference,
)
from coworker_pipelines.secrets.store import (
    SECRET_BYTES_MAX,
    SecretReader,
    checked_reference,
    missing,
)

_ACCESS: Final = "access"
_SOURCE: Final = "source"
_TOKEN: Final = "token"  # noqa: S105 - a folder's name
_TOO_OPEN: Final = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP
_CURRENT: Final = "..data"
_ATTEMPTS: Final = 10
"""A change swaps the files that are mounted, and takes the old ones away."""
_PAUSE_S: Final = 0.01


class MountedSecretReader(SecretReader):
    """Answers for the connection whose secrets are mounted, and for no other.

    Files are read each time: the kubelet swaps them when a Secret changes, under a long run too.
    """

    def __init__(self, mount: Path) -> None:
        self._mount = mount

    def get(self, reference: str) -> dict[str, Secret]:
        """The values as they are mounted now, all of one state of the Secret.

        Raises:
            RefusedError: the reference is not our connection's, or a file is open to others.
            TenantActionError: there is no such part.
        """
        part = checked_reference(reference).partition("/")[0]
        if reference not in self._own():
            raise RefusedError("A run was asked for secrets that are not its connection's.")
        values = self._read(part)
        # A source without sensitive settings has a Secret without values, which is no folder: a
        # pod whose Secret itself is missing never starts.
        if not values and part != _SOURCE:
            raise _no_token() if part == _TOKEN else missing(reference)
        return values

    def own_access(self) -> dict[str, Secret]:
        """What the connection itself is let into our stores with.

        Raises:
            RefusedError: nothing is mounted.
        """
        values = self._read(_ACCESS)
        if not {"tenant", "connection"} <= values.keys():
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
        """None, where that part is not mounted."""
        folder = self._mount / part
        for _ in range(_ATTEMPTS):
            try:
                state = _state_of(folder)
                paths = [path for path in state.iterdir() if path.name[0] != "."]
                values = {path.name: _value(path) for path in paths}
                # Files are taken away after the swap: while it is not done, none was missing.
                if _state_of(folder) == state:
                    return values
            except FileNotFoundError:
                # A link that is there and leads nowhere was swapped under our hands.
                if not folder.is_symlink() and not folder.exists():
                    return {}
            time.sleep(_PAUSE_S)
        raise RetryLaterError("The mounted secrets change faster than they can be read.")


def _state_of(folder: Path) -> Path:
    """The folder that holds all files of one state: what is mounted are links into it."""
    current = folder / _CURRENT
    return (current if current.is_dir() else folder).resolve(strict=True)


def _value(path: Path) -> Secret:
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        if facts.st_mode & _TOO_OPEN or facts.st_uid not in {0, os.geteuid()}:
            raise RefusedError(
                f"The mounted secret {path.name} is open to others: mount it with mode 0400."
            )
        content = file.read(SECRET_BYTES_MAX)
    try:
        return Secret(content.decode())
    except UnicodeDecodeError as error:
        raise RefusedError(f"The mounted secret {path.name} is no text.") from error


def _no_token() -> TenantActionError:
    return TenantActionError(
        "The connection has no access token: get one with `coworker connections authorize`."
    )
