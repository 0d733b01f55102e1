"""The local node: one process, one folder, one superuser."""

import base64
import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.account import Account
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.java import Jdk
from coworker_pipelines.services.ports import ANY_PORT, LOOPBACK, is_free
from coworker_pipelines.services.processes import (
    find_process,
    last_line,
    run_as,
    stop_process,
)
from coworker_pipelines.services.readiness import await_node
from coworker_pipelines.services.waiting import await_value

USER: Final = "coworker"
SHARDS_MAX: Final = 5_000
HEAP: Final = "1g"
START_TIMEOUT_S: Final = 240.0
STOP_TIMEOUT_S: Final = 60.0
_PBKDF2_ROUNDS: Final = 10_000
_PBKDF2_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchNode:
    """A node whose files are below ``folder``."""

    folder: Path
    password: Secret

    def process(self) -> psutil.Process | None:
        """The node's process while it lives."""
        return find_process(self.folder / "pid", argument=self._mark)

    def address(self) -> ElasticsearchAddress | None:
        """Where the node answers; none while it does not run or has not bound its port."""
        port = self._port() if self.process() is not None else None
        return None if port is None else self._address_at(port)

    def start(
        self,
        *,
        home: Path,
        jdk: Jdk,
        account: Account,
        port: int | None,
        environment: Mapping[str, str],
        progress: Callable[[str], None],
    ) -> ElasticsearchAddress:
        """The node runs and is of use; one that ran already is left as it is.

        Raises:
            TenantActionError: the port that was asked for is in use, or the node does not start.
            RetryLaterError: the node is not ready in time.
        """
        if self.process() is None:
            self._prepare(home, account, self._choose_port(port))
            progress("starting Elasticsearch")
            self._launch(home, jdk, account, environment)
        bound = await_value(
            self._port, of="Elasticsearch", is_alive=self._is_alive, timeout_s=START_TIMEOUT_S
        )
        if port not in {None, bound}:
            raise TenantActionError(
                f"Elasticsearch runs on port {bound} already: stop it before it moves to {port}."
            )
        address = self._address_at(bound)
        await_node(address, is_alive=self._is_alive, timeout_s=START_TIMEOUT_S)
        self._last_port.write_text(str(bound), encoding="utf-8")
        return address

    def stop(self) -> None:
        """The node has ended; its data stays."""
        process = self.process()
        if process is not None:
            stop_process(process, by=signal.SIGTERM, wait_s=STOP_TIMEOUT_S)

    def _is_alive(self) -> bool:
        return self.process() is not None

    @property
    def _mark(self) -> str:
        """A property that no other command line has: the folder, in a word without spaces."""
        return f"-Dcoworker.node={hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]}"

    @property
    def _log(self) -> Path:
        return self.folder / "logs" / "launch.log"

    @property
    def _last_port(self) -> Path:
        return self.folder / "port"

    @property
    def _bound(self) -> Path:
        return self.folder / "logs" / "http.ports"

    def _address_at(self, port: int) -> ElasticsearchAddress:
        return ElasticsearchAddress(
            url=f"http://{LOOPBACK}:{port}", user=USER, password=self.password
        )

    def _port(self) -> int | None:
        try:
            bound = self._bound.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return None
        return int(bound[0].rpartition(":")[2]) if bound else None

    def _choose_port(self, wanted: int | None) -> int:
        if wanted is not None:
            if not is_free(wanted):
                raise TenantActionError(
                    f"Port {wanted} is in use: set COWORKER_ELASTICSEARCH_PORT to a free one, or "
                    "unset it."
                )
            return wanted
        if self._last_port.exists():
            last = int(self._last_port.read_text(encoding="utf-8"))
            return last if is_free(last) else ANY_PORT
        return ANY_PORT

    def _prepare(self, home: Path, account: Account, port: int) -> None:
        account.make_folder(self.folder)
        for name in ("config", "data", "logs", "snapshots", "temporary"):
            account.make_folder(self.folder / name)
        for stale in (self.folder / "pid", self._bound):
            stale.unlink(missing_ok=True)
        config = self.folder / "config"
        for original in (home / "config").iterdir():
            if original.is_file():
                shutil.copyfile(original, config / original.name)
        (config / "elasticsearch.yml").write_text(self._settings(port), encoding="utf-8")
        (config / "users").write_text(
            f"{USER}:{password_hash(self.password, salt=os.urandom(_PBKDF2_BYTES))}\n",
            encoding="utf-8",
        )
        (config / "users_roles").write_text(f"superuser:{USER}\n", encoding="utf-8")
        for path in config.iterdir():
            path.chmod(0o600)
            account.own(path)

    def _settings(self, port: int) -> str:
        settings = {
            "cluster.name": "coworker",
            "discovery.type": "single-node",
            "network.host": LOOPBACK,
            "http.port": port,
            "transport.port": ANY_PORT,
            "node.portsfile": "true",
            "path.data": self.folder / "data",
            "path.logs": self.folder / "logs",
            "path.repo": self.folder / "snapshots",
            "action.auto_create_index": "false",
            "cluster.max_shards_per_node": SHARDS_MAX,
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "xpack.security.enabled": "true",
            "xpack.security.http.ssl.enabled": "false",
            "xpack.security.transport.ssl.enabled": "false",
            "xpack.license.self_generated.type": "basic",
        }
        return "".join(f'{name}: "{value}"\n' for name, value in settings.items())

    def _launch(
        self, home: Path, jdk: Jdk, account: Account, environment: Mapping[str, str]
    ) -> None:
        options = f"-Xms{HEAP} -Xmx{HEAP} -XX:-AlwaysPreTouch {self._mark}"
        launched = run_as(
            account,
            [home / "bin" / "elasticsearch", "-d", "-p", self.folder / "pid"],
            environment={
                "PATH": environment.get("PATH", os.defpath),
                "ES_JAVA_HOME": str(jdk.home),
                "ES_JAVA_OPTS": options,
                "ES_PATH_CONF": str(self.folder / "config"),
                "ES_TMPDIR": str(self.folder / "temporary"),
            },
            folder=self.folder,
            log=self._log,
            timeout_s=START_TIMEOUT_S,
        )
        if not launched:
            self.stop()
            raise TenantActionError(
                f"Elasticsearch does not start; {self._log} ends with: {last_line(self._log)}"
            )


def password_hash(password: Secret, *, salt: bytes) -> str:
    """A password as the file realm keeps it; so it never stands on a command line.

    The format is Elasticsearch's own ``pbkdf2``: PBKDF2 with HMAC-SHA512 over 32 bytes of salt.
    """
    assert len(salt) == _PBKDF2_BYTES
    derived = hashlib.pbkdf2_hmac(
        "sha512", password.get_secret_value().encode(), salt, _PBKDF2_ROUNDS, _PBKDF2_BYTES
    )
    parts = (base64.b64encode(part).decode() for part in (salt, derived))
    return "{PBKDF2}" + "$".join([str(_PBKDF2_ROUNDS), *parts])
