"""Places that a deletion leaves alone, each with its reason: the other half of the registry."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A place that a deletion leaves alone, why, and until when.

    ``days`` of ``None``: it holds no client's data, so it has no end. ``BACKUP_DAYS`` stands for
    what the deployment's setting of that name says.
    """

    place: str
    reason: str
    days: int | None = None


BACKUP_DAYS: Final = -1

EXEMPTIONS: Final = (
    Exemption(
        place="table:order_targets",
        reason="Counts of an order's progress; it knows places by kind and nobody by name.",
    ),
    Exemption(
        place="table:access_reviews",
        reason="Who looked at which rights of our own components; no client's data.",
    ),
    Exemption(
        place="table:receipts",
        reason="The proof of deletions and erasures: opaque ids and counts, and nobody by name.",
    ),
    *(
        Exemption(
            place=place,
            reason="What was ordered, for after a restore: encrypted, with opaque ids, who ordered "
            "it and in which words, and keyed hashes whose key goes with its tenant.",
        )
        for place in ("table:journal_entries", "segments:journal/**")
    ),
    Exemption(
        place="index:cw.instance.*",
        reason="One number, by which a cluster shows that it was put back to an earlier state.",
    ),
    Exemption(place="table:coworker_revision", reason="The number of the newest migration."),
    *(
        Exemption(place=f"dagster:{table}", reason=reason)
        for table, reason in (
            ("snapshots", "Drawings of our own code, the same for all clients."),
            ("secondary_indexes", "Which migrations of Dagster's are done."),
            ("alembic_version", "The number of Dagster's newest migration."),
            ("daemon_heartbeats", "When each part of the daemon was last alive."),
            ("instance_info", "The id of Dagster's instance."),
            ("concurrency_limits", "How many steps of a pool may run at once."),
        )
    ),
    Exemption(
        place="key:ended",
        reason="Elasticsearch keeps an ended key for a week; it opens nothing, and knows tenant "
        "and connection by their opaque ids.",
        days=7,
    ),
    Exemption(
        place="backup:database",
        reason="Backups and the write-ahead log of the database cannot be changed; they expire, "
        "and one that is restored is not served before this order has been carried out on it.",
        days=BACKUP_DAYS,
    ),
    Exemption(
        place="backup:write-ahead-log",
        reason="The database's log of its last changes is overwritten as it goes on, or kept for "
        "as long as a moment of the past can be restored; nothing is read from it but by that.",
        days=7,
    ),
    Exemption(
        place="log:services",
        reason="The servers' own logs name indices by opaque ids and streams, and hold no record.",
        days=30,
    ),
    Exemption(
        place="log:pods",
        reason="What a run's pod printed is masked and holds no record; its Job goes in an hour.",
        days=1,
    ),
    *(
        Exemption(place=f"state:{pattern}", reason=reason)
        for pattern, reason in (
            ("services/**", "The servers' own files; what they hold is counted by asking them."),
            ("services.*", "Where this machine's servers are, and their ports."),
            ("passwords.json", "The logins of this machine's own servers."),
            ("master.key", "The key that every tenant's keys are made with."),
            ("secrets.key", "The key of the secret store."),
            ("receipts.key", "The key that signs receipts."),
            ("*.lock", "Empty; held while one process changes something."),
            ("dagster/*", "Dagster's own settings and the ids of its processes."),
            ("dagster/history/**", "Empty where Dagster keeps its history in Postgres."),
            ("dagster/schedules/**", "Empty where Dagster keeps its schedules in Postgres."),
        )
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempted:
    """An exemption as a receipt names it; ``days`` from its date on, or for ever."""

    what: str
    why: str
    days: int | None


def exempted(*, backup_days: int) -> tuple[Exempted, ...]:
    """What a receipt has to name: places that keep something for a while."""
    return tuple(
        Exempted(what=entry.place, why=entry.reason, days=days)
        for entry in EXEMPTIONS
        if entry.days is not None
        and (days := backup_days if entry.days == BACKUP_DAYS else entry.days)
    )
