"""Why rights on what is done and sent are what they are; read with ``purposes``."""

from typing import Final

from coworker_pipelines.access.grants import Store
from coworker_pipelines.access.purpose import Purpose


def _purpose(role: str, on: str, may: tuple[str, ...], why: str, *, never_on: str = "") -> Purpose:
    return Purpose(
        store=Store.DATABASE,
        subject=f"role coworker_{role}",
        on=on,
        may=frozenset(may),
        why=why,
        never_on=never_on,
    )


_TABLES: Final = ("outbox", "destinations", "sent", "kill_switches", "breakers", "tags", "tasks")
ACTIONS: Final = (
    _purpose("run", "outbox", ("INSERT",), "A run adds what a decision chose; it sees none of it."),
    _purpose("dispatch", "outbox", ("SELECT",), "The dispatcher does what was chosen."),
    _purpose(
        "dispatch",
        "outbox (*)",
        ("UPDATE",),
        "What has come of an action is noted; what it is, is not changed.",
        never_on="*payload*",
    ),
    *(
        _purpose(
            "dispatch",
            f"{table} (*)",
            ("SELECT",),
            "The dispatcher reads where it may send and what is stopped, and not who said so.",
            never_on="*_by*",
        )
        for table in ("destinations", "kill_switches", "breakers")
    ),
    _purpose("dispatch", "sent", ("SELECT", "INSERT"), "What is sent is noted before it is sent."),
    _purpose(
        "dispatch",
        "sent (ended_at, outcome, detail)",
        ("UPDATE",),
        "What has come of sending is noted behind it.",
    ),
    *(
        _purpose("dispatch", table, ("SELECT", "INSERT"), "Effects of our own are rows.")
        for table in ("tags", "tasks")
    ),
    _purpose("control", "outbox", ("SELECT",), "Actions are shown to who looks after them."),
    _purpose(
        "control",
        "outbox (*)",
        ("UPDATE",),
        "An operator has an action done again, or discards it; what it is, is not changed.",
        never_on="*payload*",
    ),
    _purpose("control", "destinations", ("SELECT", "INSERT"), "Destinations are authorised here."),
    _purpose(
        "control",
        "destinations (withdrawn_by, withdrawn_at)",
        ("UPDATE",),
        "An authorisation is withdrawn, and never changed.",
    ),
    _purpose("control", "kill_switches", ("SELECT", "INSERT"), "What acts is stopped here."),
    _purpose(
        "control",
        "kill_switches (lifted_by, lifted_at)",
        ("UPDATE",),
        "What was stopped goes on; that it was stopped stays known.",
    ),
    _purpose(
        "control", "breakers", ("SELECT", "INSERT", "UPDATE"), "Limits of rules are set here."
    ),
    *(
        _purpose("control", table, ("SELECT",), "What was done is shown.")
        for table in ("sent", "tags", "tasks")
    ),
    *(
        _purpose(
            "privacy", table, ("SELECT", "DELETE", "MAINTAIN"), "Goes with what it was made of."
        )
        for table in _TABLES
    ),
    _purpose(
        "privacy",
        "outbox (*)",
        ("UPDATE",),
        "That there was an action stays known; whom and what it was about goes.",
    ),
    _purpose(
        "privacy",
        "sent (*)",
        ("UPDATE",),
        "That something was sent stays known; a hash of what it was goes.",
    ),
)
