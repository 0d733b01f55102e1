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
    "rows",
)
"""In their order: what lets writers in goes first."""
REGISTRATION: Final = "registration"
"""Goes when all others have been counted twice: from then on its names can be used anew."""
ERASED_FIRST: Final = ("documents", "activities", "rejected", "segments")
"""What an erasure of a person clears: what can be read goes first."""
