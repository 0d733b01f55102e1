"""Whose data it is: the one value that every store is opened with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One connection of one tenant, in one epoch.

    Raising the epoch makes every name that was built from an older scope point at nothing.
    """

    tenant: str
    connection: str
    epoch: int
