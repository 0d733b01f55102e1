"""Names of the targets, for who draws them and does not touch them: they load in no time."""

from typing import Final

CLEARED_FIRST: Final = (
    "keys",
    "documents",
    "activities",
    "indices",
    "snapshots",
    "segments",
    "secrets",
    "runs",
    "rejected",
    "outbox",
    "effects",
    "decisions",
    "rows",
)
"""In their order: what lets writers in goes first."""
REGISTRATION: Final = "registration"
"""Goes when all others have been counted twice: from then on its names can be used anew."""
ERASED_FIRST: Final = (
    *("documents", "activities", "outbox", "effects", "decisions"),
    *("rejected", "segments"),
)
"""What an erasure of a person clears: what can be read goes first."""
READ_BY_ALL: Final = ("documents", "activities", "outbox", "effects", "decisions")
"""When these are clear, nobody can read of the person any more; the others open for nobody."""
