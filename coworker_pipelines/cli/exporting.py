"""Activities leave: as lines, a page in memory at a time, and as a file that is whole or not there.

Text goes to the file under a name of its own beside it; the file's own name is given in one step,
once all of it is on the disk. A process that is killed before leaves no file of that name.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from coworker_pipelines.activities.envelope import exported_line
from coworker_pipelines.activities.store import Numbered
from coworker_pipelines.kernel.durability import sync_folder
from coworker_pipelines.kernel.errors import TenantActionError


def write_lines(pages: Iterable[Sequence[Numbered]], target: BinaryIO) -> int:
    """How many lines were written."""
    count = 0
    for page in pages:
        target.write(b"".join(map(exported_line, page)))
        count += len(page)
    return count


def write_new_file(pages: Iterable[Sequence[Numbered]], path: Path) -> int:
    """After this the file is there with all of them, for its owner's eyes; or it is not there.

    Raises:
        TenantActionError: it is there already, or cannot be made.
    """
    if path.exists():
        raise TenantActionError(f"{path} is there already: name a new file.")
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise TenantActionError(f"{path} cannot be made: {error.strerror}.") from error
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            count = write_lines(pages, target)
            target.flush()
            os.fsync(target.fileno())
        # Unlike a renaming, a link never takes the place of a file that came meanwhile.
        path.hardlink_to(part)
    except OSError as error:
        raise TenantActionError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
    return count
