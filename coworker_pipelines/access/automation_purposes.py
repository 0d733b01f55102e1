"""Why rights on rules and decisions are what they are; read with ``purposes``."""

from typing import Final

from coworker_pipelines.access.grants import Store
from coworker_pipelines.access.purpose import Purpose


def _purpose(role: str, on: str, may: tuple[str, ...], why: str) -> Purpose:
    return Purpose(
        store=Store.DATABASE, subject=f"role coworker_{role}", on=on, may=frozenset(may), why=why
    )


_WRITTEN: Final = ("rule_versions", "rule_activations", "rule_sets", "decision_chains", "decisions")
_ROUNDS, _CATCH_UPS = "decision_rounds", "catch_ups"
AUTOMATION: Final = (
    Purpose(
        store=Store.DATABASE,
        subject="role coworker_run",
        on="rule_* (*)",
        never_on="*_by*",
        may=frozenset({"SELECT"}),
        why="A run reads which rules are in force since when, and not who switched them.",
    ),
    _purpose("run", "rule_sets", ("SELECT", "INSERT"), "A run notes by which rules it decides."),
    _purpose("run", "decisions", ("SELECT", "INSERT"), "A run decides; no decision is changed."),
    _purpose("run", "decision_chains", ("SELECT", "INSERT"), "A run appends to the chain."),
    _purpose("run", "decision_chains (length, head)", ("UPDATE",), "A run moves the chain's end."),
    _purpose("run", _ROUNDS, ("SELECT", "INSERT"), "A run notes which messages wait."),
    _purpose("run", f"{_ROUNDS} (*)", ("UPDATE",), "A run notes that they wait no longer."),
    _purpose("control", _ROUNDS, ("SELECT", "DELETE"), "What is taken out waits no longer."),
    _purpose("control", _CATCH_UPS, ("SELECT", "INSERT"), "Catch-ups are ordered and listed."),
    _purpose("control", f"{_CATCH_UPS} (*)", ("UPDATE",), "How far a catch-up came is noted."),
    *(
        _purpose("control", table, ("SELECT", "INSERT"), "Rules are written and switched here.")
        for table in _WRITTEN[:3]
    ),
    *(
        _purpose("control", table, ("SELECT",), "Decisions are shown, explained and replayed.")
        for table in _WRITTEN[3:]
    ),
    *(
        _purpose("privacy", table, ("SELECT", "DELETE", "MAINTAIN"), "Goes with its tenant.")
        for table in (*_WRITTEN, _ROUNDS, _CATCH_UPS)
    ),
    _purpose(
        "privacy",
        "decisions (*)",
        ("UPDATE",),
        "A decision stays known; whom and what it was about goes.",
    ),
)
