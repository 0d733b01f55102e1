"""The state folder: where the servers' files are, and their passwords."""

import hashlib
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import SecretStr

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.account import Account

SYSTEM_FOLDER: Final = Path("/var/lib/coworker")
PASSWORD_BYTES: Final = 32
_PLACES: Final = "services.json"
_PASSWORDS: Final = "passwords.json"
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePlaces:
    """Where things are: what servers own (``servers``) and the programs they are (``installed``).

    Both are usually inside the state folder. They are not when we are root and the servers'
    own user cannot reach it, as in a home that is closed to others.
    """

    state: Path
    servers: Path
    installed: Path

    @classmethod
    def find(cls, state: Path) -> Self | None:
        """The places that an earlier start decided on; none before the first."""
        try:
            recorded = json.loads((state / _PLACES).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(
            state=state,
            servers=Path(recorded["servers"]),
            installed=Path(recorded["installed"]),
        )

    @classmethod
    def make(cls, state: Path, *, cache: Path, account: Account, fallback: Path) -> Self:
        """The places, decided once and written down, and all of them within the account's reach.

        Raises:
            TenantActionError: neither the state folder nor ``fallback`` can be reached by it.
        """
        make_folder(state)
        found = cls.find(state)
        if found is None:
            name = hashlib.sha256(str(state).encode()).hexdigest()[:12]
            servers = _reachable(state / "services", fallback / name, account)
            found = cls(
                state=state,
                servers=servers,
                installed=_reachable(cache, fallback / "cache", account),
            )
            places = {"servers": str(found.servers), "installed": str(found.installed)}
            (state / _PLACES).write_text(json.dumps(places), encoding="utf-8")
        make_folder(found.installed)
        make_folder(found.servers)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """Made at random by the first start; a file that only its owner may read keeps them."""

    elasticsearch: SecretStr
    postgres: SecretStr

    @classmethod
    def load(cls, state: Path) -> Self:
        """The passwords of a state folder.

        Raises:
            TenantActionError: the file can be read by others, or not by us.
        """
        path = state / _PASSWORDS
        try:
            with path.open(encoding="utf-8") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & ~_FILE_MODE:
                    raise TenantActionError(f"{path} is open to others: chmod 600 {path}")
                values = json.load(file)
        except PermissionError as error:
            raise TenantActionError(f"{path} belongs to another user.") from error
        return cls(
            elasticsearch=SecretStr(values["elasticsearch"]),
            postgres=SecretStr(values["postgres"]),
        )

    @classmethod
    def make(cls, state: Path) -> Self:
        """The passwords of a state folder, made when it has none."""
        path = state / _PASSWORDS
        if not path.exists():
            values = {
                name: secrets.token_hex(PASSWORD_BYTES) for name in ("elasticsearch", "postgres")
            }
            write_private(path, json.dumps(values).encode())
        return cls.load(state)


def make_folder(path: Path) -> Path:
    """A folder that others may enter; what must be closed in it is closed by itself."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(_FOLDER_MODE)
    return path


def write_private(path: Path, content: bytes) -> None:
    """The file holds the content, whole, and was at no moment readable by others."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _reachable(wanted: Path, otherwise: Path, account: Account) -> Path:
    for folder in (wanted, otherwise):
        if _can_hold(folder, account):
            return folder
    raise TenantActionError(
        f"The servers run as the user {account.name!r}, who can reach neither {wanted} nor "
        f"{otherwise}: choose a state folder outside of closed homes."
    )


def _can_hold(folder: Path, account: Account) -> bool:
    try:
        return account.reaches(make_folder(folder))
    except OSError:
        return False
