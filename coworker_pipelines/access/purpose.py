"""A reason for a right, and the most that it explains."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from coworker_pipelines.access.grants import Grant, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """``subject``, ``on`` and ``through`` are shell patterns; ``may`` is the most it is for."""

    store: Store
    subject: str
    on: str
    may: frozenset[str]
    why: str
    through: str = "*"
    never_on: str = ""
    """What the pattern ``on`` would take in and must not."""
    own_indices: bool = False
    """``on`` must be what the key's own name stands for."""

    def explains(self, grant: Grant) -> bool:
        return (
            grant.store is self.store
            and frozenset(grant.may) <= self.may
            and fnmatchcase(grant.subject, self.subject)
            and fnmatchcase(grant.on, self.on)
            and not fnmatchcase(grant.on, self.never_on)
            and fnmatchcase(grant.through, self.through)
            and (not self.own_indices or grant.on == f"{grant.subject.removeprefix('key ')}.*")
        )
