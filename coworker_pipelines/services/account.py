"""The user that servers run as: ourselves, or a system user when we are root."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from coworker_pipelines.kernel.errors import TenantActionError

SYSTEM_USER = "coworker-services"
"""No person's name: whoever has it may read what the servers keep."""
_USERADD_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of this machine. ``switched``: not the one that we run as."""

    name: str
    uid: int
    gid: int
    switched: bool

    def own(self, path: Path) -> None:
        """Gives a file or folder to the account."""
        if self.switched:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def make_folder(self, path: Path) -> Path:
        """A folder of the account's own, closed to everybody else, with all that is in it.

        What is in it has another owner where the state outlives the machine: a container that
        is made anew gives its system users other numbers.
        """
        path.mkdir(exist_ok=True)
        path.chmod(stat.S_IRWXU)
        if self.switched and path.stat().st_uid != self.uid:
            for inner in path.rglob("*"):
                self.own(inner)
            self.own(path)
        return path

    def reaches(self, folder: Path) -> bool:
        """Whether the account may read the folder and pass through every folder above it."""
        folder = folder.resolve()
        return not self.switched or (
            self._may(folder, stat.S_IROTH | stat.S_IXOTH)
            and all(self._may(parent, stat.S_IXOTH) for parent in folder.parents)
        )

    def _may(self, folder: Path, bits: int) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            bits <<= 6
        elif found.st_gid == self.gid:
            bits <<= 3
        return found.st_mode & bits == bits


def server_account() -> Account:
    """The user that servers are started as; for root, the system user is made when it is missing.

    Raises:
        TenantActionError: we are root and no system user can be made.
    """
    if os.geteuid() != 0:
        return Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), switched=False)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _add_system_user(shutil.which("useradd"))
        entry = pwd.getpwnam(SYSTEM_USER)
    return Account(name=SYSTEM_USER, uid=entry.pw_uid, gid=entry.pw_gid, switched=True)


def _add_system_user(useradd: str | None) -> None:
    refusal = (
        "The servers refuse to run as root, and a system user cannot be made here: run as "
        f"another user, or make one named {SYSTEM_USER!r}."
    )
    if useradd is None:
        raise TenantActionError(refusal)
    try:
        subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=True,
            capture_output=True,
            timeout=_USERADD_TIMEOUT_S,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise TenantActionError(refusal) from error
