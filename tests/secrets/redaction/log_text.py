"""Logs as our processes and their neighbours write them, full of hashes, ids and encodings."""

import base64
import json
import random
from collections.abc import Callable
from typing import Final
from uuid import UUID


def ordinary_logs(size: int, seed: int = 5) -> bytes:
    """So many bytes, the same every time."""
    chance = random.Random(seed)
    lines: list[bytes] = []
    length = 0
    while length < size:
        write = _rare if chance.random() < _RARE else chance.choice(_LINES)
        line = write(chance).encode() + b"\n"
        lines.append(line)
        length += len(line)
    return b"".join(lines)[:size]


def _hex(chance: random.Random, length: int) -> str:
    return chance.randbytes(length).hex()


def _ours(chance: random.Random) -> str:
    return (
        f"event='segment_stored' connection='c{_hex(chance, 7)}' "
        f"documents={chance.randint(1, 9999)} bytes={chance.randint(1, 10**8)} "
        f"seconds={chance.random():.3f}"
    )


def _dagster(chance: random.Random) -> str:
    run = UUID(bytes=chance.randbytes(16))
    return (
        f"2026-03-0{chance.randint(1, 9)} 12:00:{chance.randint(10, 59)} +0000 - dagster - DEBUG - "
        f"sync_git - {run} - {chance.randint(100, 99999)} - git_segments - STEP_OUTPUT - Yielded "
        'output "commits" of type "Nothing". (Type check passed).'
    )


def _elasticsearch(chance: random.Random) -> str:
    return json.dumps(
        {
            "@timestamp": "2026-03-01T12:00:00.000Z",
            "log.level": "INFO",
            "message": f"[cw.t{_hex(chance, 7)}.documents.commits.e1/{_hex(chance, 11)}] created",
            "ecs.version": "1.2.0",
            "elasticsearch.cluster.uuid": base64.urlsafe_b64encode(chance.randbytes(16)).decode(),
            "password": None,
            "url": f"https://localhost:9200/_bulk?token=&id={chance.randint(1, 10**6)}",
        }
    )


def _git(chance: random.Random) -> str:
    return (
        f"{_hex(chance, 20)} {_hex(chance, 20)} Fix the token's refresh "
        f"(#{chance.randint(1, 9999)})"
        f" | coworker/secrets/store.py | {chance.randint(1, 99)} ++++++-----"
    )


def _blob(chance: random.Random) -> str:
    content = base64.b64encode(chance.randbytes(chance.randint(50, 400))).decode()
    return f"data:application/octet-stream;base64,{content}"


def _certificate(chance: random.Random) -> str:
    content = base64.b64encode(chance.randbytes(300)).decode()
    lines = "\n".join(content[start : start + 64] for start in range(0, len(content), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----"


def _rare(_: random.Random) -> str:
    return "expected a line -----BEGIN PRIVATE KEY----- in service_account json, postgresql://"


def _trace(chance: random.Random) -> str:
    return (
        "Traceback (most recent call last):\n"
        f'  File "/opt/app/module_{chance.randint(1, 99)}.py", line 17, in run\n'
        "    password = settings.password.get_secret_value()\n"
        f"KeyError: 'secret_{chance.randint(1, 99)}'"
    )


def _dump(chance: random.Random) -> str:
    content = chance.randbytes(32)
    return f"{content.hex(' ')} {content!r} %{content.hex('%')}"


_RARE: Final = 0.005
_LINES: Final[tuple[Callable[[random.Random], str], ...]] = (
    _ours,
    _dagster,
    _elasticsearch,
    _git,
    _blob,
    _certificate,
    _trace,
    _dump,
)
