"""The same read in another process, whose hashes have another seed.

What is read there is only ever what this kit wrote into the pipe.
"""

import hashlib
import json
import pickle
import subprocess
import sys
from typing import Any, Final

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.conformance.reading import bytes_of, read_pages, records_of
from coworker_pipelines.sdk.connector import Connector, ConnectorSettings
from coworker_pipelines.sdk.page import ReadRequest

TIMEOUT_S: Final = 300.0
ENV: Final = "/usr/bin/env"
_PROGRAM: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "
    "from coworker_pipelines.sdk.conformance.other_process import answer; answer()"
)


def digest_elsewhere(connector: Connector[Any], asked: ReadRequest, *, hash_seed: int) -> str:
    """The digest of all records that another process reads with the same settings."""
    question = (type(connector), _form_of(connector.settings), asked)
    # `env` sets the seed: nothing below the settings reads or copies our own environment.
    done = subprocess.run(
        [ENV, f"PYTHONHASHSEED={hash_seed}", sys.executable, "-c", _PROGRAM],
        input=json.dumps(sys.path).encode() + b"\n" + pickle.dumps(question),
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    complaint = done.stderr.decode(errors="replace")[-2_000:]
    assert done.returncode == 0, f"The read fails in another process:\n{complaint}"
    return done.stdout.decode().strip()


def digest_here(connector: Connector[Any], asked: ReadRequest) -> str:
    digest = hashlib.sha256()
    for record in records_of(read_pages(connector, asked)):
        digest.update(bytes_of(record) + b"\n")
    return digest.hexdigest()


def answer() -> None:
    """The other process: read what standard input asks for, print the digest."""
    kind: type[Connector[Any]]
    form: dict[str, Any]
    kind, form, asked = pickle.load(sys.stdin.buffer)  # noqa: S301 - see the module's docstring
    sys.stdout.write(digest_here(kind(kind.settings_type.model_validate(form)), asked))


def _form_of(settings: ConnectorSettings) -> dict[str, Any]:
    """The settings as a form: a secret refuses to be pickled, so its value takes its place."""
    return {
        name: value.get_secret_value() if isinstance(value, Secret) else value
        for name, value in settings
    }
