"""The secrets of one connection, as they are mounted into the pod of its run.

What is mounted: a folder for each part (``source``, ``access``, ``token``), in it a file for each
value. ``access`` also holds ``tenant`` and ``connection``, the ids of whose secrets these are.

Decided: a file has to be closed to others and unchangeable for all but its owner, so mode 0400,
or 0440, which the kubelet makes of it where a pod has an ``fsGroup``; without that a process that
is not root could read nothing. Folders may be open: the kubelet's are, and the volume is in no
file system but the pod's.
"""

import os
import stat
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.references import SecretPart, parse_reference
from coworker_pipelines.secrets.store import (
    SECRET_BYTES_MAX,
    SecretReader,
    checked_reference,
    missing,
)

MOUNT: Final = Path("/var/run/coworker")
TENANT: Final = "tenant"
CONNECTION: Final = "connection"
_OF_A_RUN: Final = (SecretPart.SOURCE, SecretPart.ACCESS, SecretPart.TOKEN)
_TOO_OPEN: Final = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP
_CURRENT: Final = "..data"
_ATTEMPTS: Final = 3
"""A change swaps the files that are mounted, and takes the old ones away."""


class MountedSecretReader(SecretReader):
    """Answers for the connection that is mounted, from the files as they are now."""

    def __init__(self, folder: Path = MOUNT) -> None:
        self._folder = folder

    def get(self, reference: str) -> dict[str, Secret]:
        """The values as they are mounted now, all from one state of the Secret.

        Raises:
            RefusedError: the reference is another connection's, or a file is open to others.
            TenantActionError: nothing is mounted, or this part is not.
        """
        wanted = parse_reference(checked_reference(reference))
        if wanted is None or wanted.part not in _OF_A_RUN:
            raise RefusedError("A run is given its source's secrets, its access and its token.")
        access = self._part(SecretPart.ACCESS)
        if TENANT not in access or CONNECTION not in access:
            raise TenantActionError(
                f"No connection's secrets are mounted at {self._folder}: this works in the pod of "
                "a run alone."
            )
        owner = access[TENANT].get_secret_value(), access[CONNECTION].get_secret_value()
        if owner != (wanted.tenant, wanted.connection):
            raise RefusedError(
                f"This run may use the secrets of its own connection {owner[1]} alone."
            )
        values = access if wanted.part is SecretPart.ACCESS else self._part(wanted.part)
        if not values:
            raise _not_mounted(reference, wanted.part)
        return values

    def _part(self, part: SecretPart) -> dict[str, Secret]:
        """None, where that part is not mounted."""
        for _ in range(_ATTEMPTS):
            folder = self._folder / part
            current = folder / _CURRENT
            try:
                # All files of one state are in one folder, which links point to.
                state = (current if current.is_dir() else folder).resolve(strict=True)
            except FileNotFoundError:
                return {}
            try:
                return {
                    path.name: _read(path)
                    for path in sorted(state.iterdir())
                    if not path.name.startswith("..")
                }
            except FileNotFoundError:
                continue
        raise RetryLaterError("The mounted secrets change faster than they can be read.")


def _not_mounted(reference: str, part: SecretPart) -> TenantActionError:
    if part is SecretPart.TOKEN:
        return TenantActionError(
            "The connection has no access token: authorize it with "
            "`coworker connections authorize NAME`."
        )
    return missing(reference)


def _read(path: Path) -> Secret:
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        if facts.st_mode & _TOO_OPEN or facts.st_uid not in {0, os.geteuid()}:
            raise RefusedError(
                f"The mounted secret {path.name} is open to others: its volume needs the mode 0400."
            )
        content = file.read(SECRET_BYTES_MAX + 1)
    try:
        return Secret(content.decode())
    except UnicodeDecodeError as error:
        raise RefusedError(f"The mounted secret {path.name} is no text.") from error
