"""The state folder: where the servers' files are, and their passwords."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.account import Account
from coworker_pipelines.services.files import is_open_to_others, make_folder, write_private

SYSTEM_FOLDER: Final = Path("/var/lib/coworker")
PASSWORD_BYTES: Final = 32
_PLACES: Final = "services.json"
_PASSWORDS: Final = "passwords.json"


def find_servers_folder(state: Path) -> Path | None:
    """Where the servers' files are, as an earlier start decided; none before the first."""
    try:
        recorded = json.loads((state / _PLACES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return state / str(recorded["servers"])


def make_servers_folder(state: Path, *, account: Account, fallback: Path) -> Path:
    """Where the servers' files are, decided once and within the account's reach.

    Usually inside the state folder, and then written down relative to it, so that the project
    may be moved. Below ``fallback`` when we are root and the servers' own user cannot reach
    the state folder, as in a home that is closed to others.

    Raises:
        TenantActionError: the account can reach neither.
    """
    found = find_servers_folder(state)
    if found is None:
        name = hashlib.sha256(str(state).encode()).hexdigest()[:12]
        found = reachable_folder(state / "services", fallback / name, account)
        recorded = found.relative_to(state) if found.is_relative_to(state) else found
        write_private(state / _PLACES, json.dumps({"servers": str(recorded)}).encode())
    return make_folder(found)


def reachable_folder(wanted: Path, otherwise: Path, account: Account) -> Path:
    """The first of two folders that the account can reach; made when it was missing.

    Raises:
        TenantActionError: it can reach neither.
    """
    for folder in (wanted, otherwise):
        if _can_hold(folder, account):
            return folder
    raise TenantActionError(
        f"The servers run as the user {account.name!r}, who can reach neither {wanted} nor "
        f"{otherwise}: choose a state folder outside of closed homes (COWORKER_STATE)."
    )


def _can_hold(folder: Path, account: Account) -> bool:
    try:
        return account.reaches(make_folder(folder))
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """Made at random by the first start; a file that only its owner may read keeps them."""

    elasticsearch: Secret
    postgres: Secret

    @classmethod
    def load(cls, state: Path) -> Self:
        """The passwords of a state folder.

        Raises:
            TenantActionError: the file is missing, or others can read it, or we cannot.
        """
        path = state / _PASSWORDS
        try:
            with path.open(encoding="utf-8") as file:
                if is_open_to_others(file.fileno()):
                    raise TenantActionError(f"{path} is open to others: chmod 600 {path}")
                values = json.load(file)
        except FileNotFoundError as error:
            raise TenantActionError(f"{path} is missing: bring it back.") from error
        except PermissionError as error:
            raise TenantActionError(f"{path} belongs to another user: run as that one.") from error
        return cls(
            elasticsearch=Secret(values["elasticsearch"]),
            postgres=Secret(values["postgres"]),
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
