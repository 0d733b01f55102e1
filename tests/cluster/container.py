"""A Pod's container as a process of this machine, with its mounts in a namespace of its own."""

import base64
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kubernetes import client

from coworker_pipelines.kernel.errors import TenantActionError
from tests.cluster.volumes import field

_SCRIPT: Final = """
set -e
while [ "$1" != -- ]; do
  mount --bind "$1" "$2"
  if [ "$3" = ro ]; then mount -o remount,bind,ro "$2"; fi
  shift 3
done
shift
exec "$@"
"""
_ROOT: Final = 0
_MESSAGE_MAX: Final = 4_096
"""As much of a termination message as a node passes on."""


class Container:
    """One that runs. Its output is in ``log``; what it sees of mounts, nobody else does."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, message: Path) -> None:
        self._process = process
        self._message = message
        self.log = log

    @property
    def message(self) -> str:
        """What it wrote for those who look at its Pod's status."""
        return self._message.read_text(encoding="utf-8", errors="replace")[:_MESSAGE_MAX]

    def exit_code(self) -> int | None:
        """As a container's: a signal's number counts from 128."""
        status = self._process.poll()
        return 128 - status if status is not None and status < 0 else status

    def signal(self, number: signal.Signals) -> None:
        """All its processes get the signal."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def end(self) -> None:
        """Nothing of it runs any more."""
        self.signal(signal.SIGKILL)
        self._process.wait()


class MountPoints:
    """Folders that were made on this machine for something to be mounted on, and go again."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def make(self, path: Path, *, like: Path) -> None:
        """There is a folder or a file at the path, whichever is to be mounted on it."""
        for parent in reversed(path.parents):
            self._make_folder(parent)
        if like.is_dir():
            self._make_folder(path)
        elif not path.exists():
            path.touch()
            self._made.append(path)

    def remove(self) -> None:
        while self._made:
            path = self._made.pop()
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()

    def _make_folder(self, path: Path) -> None:
        if not path.exists():
            path.mkdir()
            self._made.append(path)


def start_container(
    spec: Any,
    *,
    volumes: Mapping[str, Path],
    points: MountPoints,
    environment: Mapping[str, str],
    log: Path,
    user: Sequence[str],
) -> Container:
    """The command runs with the environment and the mounts that the Pod asks for.

    ``user`` goes before the command: what makes it another user's.

    `dagster`, `coworker` and `python` are found beside this interpreter: the image of the tests
    is the environment that they run in.

    Raises:
        TenantActionError: this machine lets us mount nothing.
    """
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        raise TenantActionError(
            "The node of the tests mounts each Pod's volumes in a mount namespace: run the tests "
            "of the cluster as root, on Linux, with util-linux installed."
        )
    mounts: list[str] = []
    for mount in sorted(spec.volume_mounts or (), key=lambda mount: str(mount.mount_path)):
        source = volumes[mount.name] / (mount.sub_path or "")
        target = Path(mount.mount_path)
        points.make(target, like=source)
        mounts += [str(source), str(target), "ro" if mount.read_only else "rw"]
    message = _termination_message(spec, log)
    points.make(Path(spec.termination_message_path), like=message)
    mounts += [str(message), spec.termination_message_path, "rw"]
    command = [*user, *(spec.command or ()), *(spec.args or ())]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [unshare, "--mount", "--", "sh", "-c", _SCRIPT, "sh", *mounts, "--", *command],
            cwd=spec.working_dir or "/",
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Container(process, log, message)


def _termination_message(spec: Any, log: Path) -> Path:
    """The file that a container finds at its path, writable to every user."""
    assert spec.termination_message_policy == "File"
    message = log.with_name("termination-message")
    message.touch()
    message.chmod(0o666)
    return message


def user_of(pod: Any, spec: Any) -> Sequence[str]:
    """What makes a command that of the Pod's user and group, without any of root's rights."""
    context, own = pod.spec.security_context, spec.security_context
    uid = (own and own.run_as_user) or (context and context.run_as_user) or _ROOT
    gid = (own and own.run_as_group) or (context and context.run_as_group) or _ROOT
    group = (context and context.fs_group) or gid
    return (
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid}",
        f"--groups={group}",
        "--bounding-set=-all",
        "--no-new-privs",
    )


def container_environment(api: client.ApiClient, pod: Any, spec: Any) -> dict[str, str]:
    """What the Pod names, and what an image and every node set: a path and the API's address."""
    server = api.configuration.host.removeprefix("https://")
    host, _, port = server.partition(":")
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "HOSTNAME": pod.metadata.name,
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
    }
    core, namespace = client.CoreV1Api(api), pod.metadata.namespace
    for source in spec.env_from or ():
        if source.secret_ref is not None:
            found = core.read_namespaced_secret(source.secret_ref.name, namespace)
            environment |= {key: _decoded(value) for key, value in (found.data or {}).items()}
        if source.config_map_ref is not None:
            found = core.read_namespaced_config_map(source.config_map_ref.name, namespace)
            environment |= found.data or {}
    for variable in spec.env or ():
        environment[variable.name] = _value(core, pod, variable)
    return environment


def _value(core: client.CoreV1Api, pod: Any, variable: Any) -> str:
    source = variable.value_from
    if source is None:
        return str(variable.value or "")
    if source.field_ref is not None:
        return field(pod, source.field_ref.field_path)
    namespace = pod.metadata.namespace
    if source.secret_key_ref is not None:
        found = core.read_namespaced_secret(source.secret_key_ref.name, namespace)
        return _decoded(found.data[source.secret_key_ref.key])
    found = core.read_namespaced_config_map(source.config_map_key_ref.name, namespace)
    return str(found.data[source.config_map_key_ref.key])


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode()
