"""What may be the path of an object."""

import re
from typing import Final

from coworker_pipelines.kernel.errors import DefectError

PATH_CHARACTERS_MAX: Final = 500
# 255 bytes are the most of a file's name; a store may add some for what it has not finished.
_PART = re.compile(r"[A-Za-z0-9_=~-][A-Za-z0-9._=~-]{0,199}")


def checked_path(path: str) -> str:
    """The path, which names something below its store's place and nothing else.

    It is relative, its parts are ASCII letters, digits, ``.``, ``_``, ``=``, ``~`` and ``-``, and
    none begins with a dot: so it climbs nowhere, hides nothing, and means the same in a folder and
    in a bucket.

    Raises:
        DefectError: it is not so; paths are ours, and no input of a client's.
    """
    if len(path) > PATH_CHARACTERS_MAX or not all(map(_PART.fullmatch, path.split("/"))):
        raise DefectError("A path of the segment store is empty, too long, or not safe.")
    return path
