"""The official image, for a machine that has a container engine and no Java or Maven."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.distribution import VERSION
from coworker_pipelines.services.elasticsearch import HEAP, SHARDS_MAX, START_TIMEOUT_S
from coworker_pipelines.services.ports import LOOPBACK
from coworker_pipelines.services.readiness import await_node

USER: Final = "elastic"
_IMAGE: Final = f"elasticsearch:{VERSION}"
_ASK_TIMEOUT_S: Final = 20
_PULL_TIMEOUT_S: Final = 1_800
_PORT: Final = 9200


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchContainer:
    """One container and one volume of the same name; ``folder`` remembers that there is one."""

    folder: Path
    password: Secret
    environment: Mapping[str, str]

    def engine_answers(self) -> bool:
        return self._docker(["version"]) is not None

    def address(self) -> ElasticsearchAddress | None:
        """Where the container answers; no engine is asked when none was ever started."""
        bound = self._docker(["port", self._name, str(_PORT)]) if self._mark.exists() else None
        if bound is None:
            return None
        port = bound.split()[0].rpartition(":")[2]
        return ElasticsearchAddress(
            url=f"http://{LOOPBACK}:{port}", user=USER, password=self.password
        )

    def start(self, *, port: int | None) -> None:
        """The container runs and is of use; one that ran already is left as it is."""
        self._mark.touch()
        if self.address() is None:
            self._docker(run_command(self._name, port=port), timeout_s=_PULL_TIMEOUT_S)
        address = self.address()
        if address is None:
            raise TenantActionError(f"The container engine does not start {_IMAGE}.")
        await_node(address, is_alive=lambda: self.address() is not None, timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        """No container runs; its volume stays."""
        if self._mark.exists():
            self._docker(["stop", self._name], timeout_s=_ASK_TIMEOUT_S * 3)

    @property
    def _name(self) -> str:
        return f"coworker-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"

    @property
    def _mark(self) -> Path:
        return self.folder / "elasticsearch-container"

    def _docker(self, arguments: Sequence[str], *, timeout_s: float = _ASK_TIMEOUT_S) -> str | None:
        program = shutil.which("docker", path=self.environment.get("PATH", os.defpath))
        if program is None:
            return None
        try:
            done = subprocess.run(
                [program, *arguments],
                check=True,
                capture_output=True,
                env={**self.environment, "ELASTIC_PASSWORD": self.password.get_secret_value()},
                text=True,
                timeout=timeout_s,
            )
        except (subprocess.SubprocessError, OSError):
            return None
        return done.stdout or None


def run_command(name: str, *, port: int | None) -> list[str]:
    """What starts the container. The password is named and not told: the engine's client has it."""
    settings = {
        "action.auto_create_index": "false",
        "cluster.max_shards_per_node": str(SHARDS_MAX),
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        "discovery.type": "single-node",
        "xpack.security.http.ssl.enabled": "false",
        "ES_JAVA_OPTS": f"-Xms{HEAP} -Xmx{HEAP}",
    }
    options = [option for key, value in settings.items() for option in ("-e", f"{key}={value}")]
    bound = f"{LOOPBACK}:{'' if port is None else port}:{_PORT}"
    volume = f"{name}:/usr/share/elasticsearch/data"
    head = ["run", "-d", "--rm", "--name", name, "-p", bound, "-v", volume]
    return [*head, "-e", "ELASTIC_PASSWORD", *options, _IMAGE]
