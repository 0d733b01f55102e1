"""What others make of the same records on the same node.

Both get the records of our own source as JSON, and write them as their documentation has it,
with what a sync that is repeated needs: the document's id is the record's key. Mappings are
those that Elasticsearch makes by itself.

- ``target-elasticsearch`` reads Singer lines from a file; types are declared, times are plain
  strings, since parsing them would cost it a tenth.
- ``dlt`` yields pages of 1,000 parsed records to a custom destination, which hands batches of
  1,000 to ``helpers.bulk``; its default of 10 records a batch would be many times slower.

Each is a process of its own. Its figure subtracts what the same process takes for no record at
all, so that imports and set-up are not held against it; the figure with them is given beside.
They keep no hashes, find nobody, count no outcomes and resume nowhere; ours does.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import orjson

from coworker_pipelines.documents.client import open_client
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.benchmarks.frame import Figures, Given, Round
from tests.benchmarks.source import STREAM, records

PROCESS_TIMEOUT_S: Final = 300
INSTALL_TIMEOUT_S: Final = 600
REQUIREMENTS: Final = {
    "target-elasticsearch": ("target-elasticsearch==2.1.0",),
    "dlt": ("dlt==1.31.0", "elasticsearch==9.1.3", "orjson"),
}
DLT_SCRIPT: Final = Path(__file__).with_name("dlt_process.py")
_TEXT: Final = {"type": ["null", "string"]}
_SCHEMA: Final = {
    "type": "SCHEMA",
    "stream": STREAM,
    "key_properties": ["id"],
    "schema": {
        "properties": {
            "id": {"type": "integer"},
            "author_email": _TEXT,
            "note": _TEXT,
            "updated_at": _TEXT,
        }
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One run: from a file into an index; ``folder`` is fresh each time."""

    address: ElasticsearchAddress
    index: str
    source: Path
    folder: Path


_Run = Callable[[Path, _Task], None]


@contextmanager
def target_elasticsearch(given: Given) -> Iterator[Round]:
    """The Singer target of Meltano's hub, fed from a file."""
    yield _rival(given, "target-elasticsearch", _write_singer_lines, _run_target)


@contextmanager
def dlt(given: Given) -> Iterator[Round]:
    """A dlt pipeline with a custom destination around ``helpers.bulk``."""
    yield _rival(given, "dlt", _write_lines, _run_dlt)


def _rival(
    given: Given, name: str, write: Callable[[Path, Sequence[bytes]], None], run: _Run
) -> Round:
    home = installed(given.cache / "rivals" / name, REQUIREMENTS[name])
    documents = [orjson.dumps(record) for record in records(given.documents)]
    full, empty = given.folder / f"{name}.full", given.folder / f"{name}.empty"
    write(full, documents)
    write(empty, ())
    address = given.endpoints.elasticsearch
    label = name.replace("-", "_")
    # Byte code is written in the first run, which is nobody's fault.
    _timed(address, home, empty, 0, run)

    def measured() -> Figures:
        empty_s = _timed(address, home, empty, 0, run)
        full_s = _timed(address, home, full, given.documents, run)
        assert full_s > empty_s, f"{name} took no time for its records"
        return {
            f"{label}_documents_per_s": given.documents / (full_s - empty_s),
            f"{label}_with_start_documents_per_s": given.documents / full_s,
            f"{label}_start_s": empty_s,
        }

    return measured


def installed(home: Path, requirements: Sequence[str]) -> Path:
    """The virtual environment there, made when it is missing or of other versions."""
    marker = home / "requirements.txt"
    wanted = "\n".join(requirements)
    if marker.is_file() and marker.read_text(encoding="utf-8") == wanted:
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    _checked(["uv", "venv", "--quiet", "--clear", str(home)], timeout_s=INSTALL_TIMEOUT_S)
    install = ["uv", "pip", "install", "--quiet", "--compile-bytecode"]
    python = str(home / "bin" / "python")
    _checked([*install, "--python", python, *requirements], timeout_s=INSTALL_TIMEOUT_S)
    marker.write_text(wanted, encoding="utf-8")
    return home


def _timed(
    address: ElasticsearchAddress, home: Path, source: Path, records: int, run: _Run
) -> float:
    """Seconds of one process over a fresh index; afterwards all records were found in it."""
    index = f"bench-{home.name}"
    with open_client(address) as client, tempfile.TemporaryDirectory() as folder:
        client.indices.delete(index=index, ignore_unavailable=True)
        client.indices.create(index=index, settings={"number_of_replicas": 0})
        try:
            task = _Task(address=address, index=index, source=source, folder=Path(folder))
            started = perf_counter()
            run(home, task)
            seconds = perf_counter() - started
            client.indices.refresh(index=index)
            found = client.count(index=index)["count"]
            assert found == records, f"{home.name} stored {found} of {records} records"
        finally:
            client.indices.delete(index=index, ignore_unavailable=True)
    return seconds


def _run_target(home: Path, task: _Task) -> None:
    user, password = _credentials(task.address)
    url = urlsplit(task.address.url)
    config = task.folder / "config.json"
    config.touch(mode=0o600)
    config.write_text(
        json.dumps(
            {
                "scheme": url.scheme,
                "host": url.hostname,
                "port": url.port,
                "username": user,
                "password": password,
                "index_format": task.index,
                "metadata_fields": {STREAM: {"_id": "id"}},
            }
        ),
        encoding="utf-8",
    )
    with task.source.open("rb") as lines:
        _checked(
            [str(home / "bin" / "target-elasticsearch"), "--config", str(config)],
            timeout_s=PROCESS_TIMEOUT_S,
            stdin=lines.fileno(),
        )


def _run_dlt(home: Path, task: _Task) -> None:
    user, password = _credentials(task.address)
    _checked(
        [str(home / "bin" / "python"), str(DLT_SCRIPT), str(task.source), task.index],
        timeout_s=PROCESS_TIMEOUT_S,
        environment={
            "RIVAL_URL": task.address.url,
            "RIVAL_USER": user,
            "RIVAL_PASSWORD": password,
            "RIVAL_FOLDER": str(task.folder),
            "DLT_DATA_DIR": str(task.folder),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "CRITICAL",
        },
    )


def _write_singer_lines(path: Path, documents: Sequence[bytes]) -> None:
    with path.open("wb") as lines:
        lines.write(json.dumps(_SCHEMA).encode() + b"\n")
        for document in documents:
            lines.write(
                b'{"type":"RECORD","stream":"%b","record":%b}\n' % (STREAM.encode(), document)
            )
        lines.write(b'{"type":"STATE","value":{"bookmarks":{}}}\n')


def _write_lines(path: Path, documents: Sequence[bytes]) -> None:
    path.write_bytes(b"".join(document + b"\n" for document in documents))


def _credentials(address: ElasticsearchAddress) -> tuple[str, str]:
    assert address.user is not None
    assert address.password is not None
    return address.user, address.password.get_secret_value()


def _checked(
    command: Sequence[str],
    *,
    timeout_s: int,
    stdin: int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> None:
    """The command succeeded; what it said is shown only where it failed."""
    done = subprocess.run(
        command,
        check=False,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 0, done.stdout[-2_000:].decode(errors="replace")
