"""Why an expression is not taken."""

import difflib
from collections.abc import Iterable

from coworker_pipelines.kernel.errors import TenantActionError

NAMES_SHOWN = 12


class ExpressionError(TenantActionError):
    """``at`` is the offset in the expression's text at which it goes wrong."""

    def __init__(self, at: int, sentence: str) -> None:
        super().__init__(sentence)
        self.at = at


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the right name, to stand behind a sentence; all names where none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f" Did you mean {near[0]!r}?"
    if not names:
        return ""
    more = ", ..." if len(names) > NAMES_SHOWN else ""
    return f" There is: {', '.join(names[:NAMES_SHOWN])}{more}."
