"""Names that people give, and finding the one they meant."""

import difflib
import re
from collections.abc import Iterable

from coworker_pipelines.kernel.errors import TenantActionError

NAME_LENGTH_MAX = 40
_NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{NAME_LENGTH_MAX - 1}}}")


def checked_name(name: str, what: str) -> str:
    """The name, if it is one.

    Raises:
        TenantActionError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise TenantActionError(
            f"{name!r} is no name for a {what}: lower-case letters, digits and hyphens, "
            f"{NAME_LENGTH_MAX} at the most, beginning with a letter or digit."
        )
    return name


def name_in(handle: str) -> str:
    """A connection's own name, of the handle that puts its tenant's before it."""
    return handle.partition(".")[2]


def unknown(what: str, name: str, known: Iterable[str]) -> TenantActionError:
    """There is no such thing; the sentence names the nearest that is there."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if not near and names:
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")  # noqa: PLR2004
        hint = f" There is: {shown}."
    return TenantActionError(f"There is no {what} {name!r}.{hint}")
