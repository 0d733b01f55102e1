"""Files that only their owner may read, written whole or not at all."""

import os
import secrets
from pathlib import Path

PASSWORD_BYTES = 24


def write_private(path: Path, text: str) -> None:
    """Replace the file at once, with mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)


def password(path: Path) -> str:
    """The password in the file; made on first use."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(PASSWORD_BYTES))
    return path.read_text(encoding="utf-8")
