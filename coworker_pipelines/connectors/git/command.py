"""Running git: its surroundings, its pipes, its limits."""

import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from coworker_pipelines.connectors.git.failures import COMPLAINT_BYTES_MAX, failure
from coworker_pipelines.connectors.git.settings import Transport
from coworker_pipelines.kernel.errors import DefectError, RetryLaterError, TenantActionError

SILENCE_S_MAX: Final = 300.0
"""How long git may print nothing before it is ended: one commit may take that long, no more."""
TEXT_BYTES_MAX: Final = 64 * 2**10
CHUNK_BYTES: Final = 2**16

_INHERITED: Final = (
    "PATH",
    "HOME",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
)
_CONFIGURATION: Final = {
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.fsmonitor": "false",
    # A commit-graph keeps 34 bits of a date: windows are chosen by the whole one.
    "core.commitGraph": "false",
    # A larger file counts as binary: git would hold two of them, and their lines, in memory.
    "core.bigFileThreshold": "32m",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """The git executable, for one repository or (without ``git_dir``) one address."""

    transport: Transport
    git_dir: Path | None = None
    configuration: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @contextmanager
    def start(
        self,
        arguments: Sequence[str],
        *,
        given: IO[bytes] | None = None,
        silence_s_max: float = SILENCE_S_MAX,
    ) -> Iterator["Output"]:
        """A running git; it is ended with the block, however that is left.

        ``given`` is a file that git reads from its position, as standard input.
        """
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                [executable(), *arguments],
                stdin=subprocess.DEVNULL if given is None else given,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=self._surroundings(),
                cwd=self.git_dir,
                bufsize=0,
                start_new_session=True,
            )
            assert process.stdout is not None
            try:
                remote = self.git_dir is None
                yield Output(process, process.stdout, complaints, silence_s_max, remote=remote)
            finally:
                _end(process)
                process.stdout.close()

    def text(self, *arguments: str, timeout_s: float = SILENCE_S_MAX) -> str:
        """All that a short command prints."""
        with self.start(arguments, silence_s_max=timeout_s) as output:
            return output.rest(TEXT_BYTES_MAX).decode(errors="replace")

    def _surroundings(self) -> dict[str, str]:
        """The whole environment of the process: nothing of ours is in it but what is listed."""
        # Not settings of ours: what a child program needs to know of the machine.
        surroundings = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        surroundings |= {
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("gitconfig")),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": self.transport,
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_GRAFT_FILE": "/dev/null",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=30",
        }
        if self.git_dir is not None:
            # Without an index, the .gitattributes of a checkout say nothing about a count.
            missing = self.git_dir / "coworker-reads-no-index"
            surroundings |= {"GIT_DIR": str(self.git_dir), "GIT_INDEX_FILE": str(missing)}
        settings = _CONFIGURATION | dict(self.configuration)
        surroundings["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (name, value) in enumerate(settings.items()):
            surroundings[f"GIT_CONFIG_KEY_{number}"] = name
            surroundings[f"GIT_CONFIG_VALUE_{number}"] = value
        return surroundings | dict(self.environment)


class Output:
    """What a running git prints, read piece by piece."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        pipe: IO[bytes],
        complaints: IO[bytes],
        silence_s_max: float,
        *,
        remote: bool,
    ) -> None:
        self._process = process
        self._pipe = pipe.fileno()
        self._complaints = complaints
        self._silence_s_max = silence_s_max
        self._remote = remote
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        self._buffer = b""
        self._position = 0

    def until(self, delimiter: bytes) -> bytes:
        """What comes before the next delimiter, which is passed over.

        Raises:
            EOFError: git has ended, well, and nothing is left.
        """
        searched = self._position
        while (found := self._buffer.find(delimiter, searched)) < 0:
            left = len(self._buffer) - self._position
            if not self._fill():
                if left:
                    raise DefectError("git ended in the middle of a line.")
                raise EOFError
            searched = left
        piece = self._buffer[self._position : found]
        self._position = found + 1
        return piece

    def pieces(self, delimiter: bytes) -> Iterator[bytes]:
        """All that is left, cut at the delimiter."""
        while True:
            try:
                piece = self.until(delimiter)
            except EOFError:
                return
            yield piece

    def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        parts = []
        while (left := len(self._buffer) - self._position) < count:
            parts.append(self._buffer[self._position :])
            count -= left
            self._position = len(self._buffer)
            if not self._fill():
                raise DefectError("git ended in the middle of an object.")
        parts.append(self._buffer[self._position : self._position + count])
        self._position += count
        return b"".join(parts)

    def rest(self, bytes_max: int) -> bytes:
        """All that is left, which must not be more than ``bytes_max``."""
        while self._fill():
            if len(self._buffer) - self._position > bytes_max:
                raise DefectError(f"A short command of git printed more than {bytes_max} bytes.")
        content = self._buffer[self._position :]
        self._position = len(self._buffer)
        return content

    def _fill(self) -> bool:
        """Read on; ``False`` when git has ended without an error."""
        if not self._poll.poll(self._silence_s_max * 1_000):
            raise RetryLaterError(f"git did not answer for {self._silence_s_max:.0f} seconds.")
        chunk = os.read(self._pipe, CHUNK_BYTES)
        if not chunk:
            self._require_success()
            return False
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return True

    def _require_success(self) -> None:
        status = self._process.wait(timeout=self._silence_s_max)
        if status == 0:
            return
        self._complaints.seek(0)
        complaint = self._complaints.read(COMPLAINT_BYTES_MAX).decode(errors="replace")
        raise failure(complaint, status, remote=self._remote)


def executable() -> str:
    """Where git is.

    Raises:
        TenantActionError: it is not installed.
    """
    found = shutil.which("git")
    if found is None:
        raise TenantActionError("git is not installed here: install version 2.34 or newer.")
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and whatever it started (a transport, an unpacker): they are one group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
