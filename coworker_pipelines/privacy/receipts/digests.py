"""Which registry of places and which code a receipt was made with."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from coworker_pipelines.privacy.receipts.canonical import canonical


def registry_digest(listing: Sequence[Mapping[str, Any]]) -> str:
    """Of the registry of places, as a list of what each is and can do, in its order."""
    return hashlib.sha256(canonical({"targets": [dict(one) for one in listing]})).hexdigest()


@cache
def code_digest() -> str:
    """Of this package's files: the digest of their paths and of what stands in each."""
    root = Path(str(files("coworker_pipelines")))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{content}  {path.relative_to(root).as_posix()}\n".encode())
    return digest.hexdigest()
