"""A stream's name where only some characters may stand: index names, object paths."""

import hashlib
import re
from typing import Final

SLUG_LENGTH_MAX: Final = 60
_HASH_LENGTH: Final = 8


def stream_slug(stream: str) -> str:
    """The stream's name where it is safe as it is; else a slug and a hash of the name.

    Two streams never share a slug: whatever is lost in slugging is told apart by the hash.
    """
    slug = re.sub(r"[^a-z0-9_-]+", "-", stream.lower()).strip("-_")[:SLUG_LENGTH_MAX]
    if slug and slug == stream:
        return slug
    digest = hashlib.blake2s(stream.encode(), digest_size=_HASH_LENGTH // 2).hexdigest()
    return f"{slug}~{digest}"
