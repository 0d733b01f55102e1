"""Why somebody has rights on policies, holds and what was swept; read with ``purposes``."""

from typing import Final

from coworker_pipelines.access.grants import Store
from coworker_pipelines.access.purpose import Purpose


def _purpose(role: str, on: str, may: tuple[str, ...], why: str, never_on: str = "") -> Purpose:
    return Purpose(
        store=Store.DATABASE,
        subject=f"role {role}",
        on=on,
        may=frozenset(may),
        why=why,
        never_on=never_on,
    )


_RUN: Final = "coworker_run"
_CONTROL: Final = "coworker_control"
_PRIVACY: Final = "coworker_privacy"
_READ: Final = ("SELECT",)
_READ_AND_ADD: Final = ("SELECT", "INSERT")

RETENTION: Final = (
    _purpose(
        _RUN,
        "retention_policies (*)",
        _READ,
        "A run takes in nothing that is too old, and does not see who decided that.",
        never_on="*made_by*",
    ),
    _purpose(
        _RUN,
        "holds (*)",
        _READ,
        "A run leaves alone what is under a hold, and does not see in which matter.",
        never_on="*reason*",
    ),
    _purpose(_RUN, "swept_documents", _READ, "A run takes in nothing again that was swept."),
    _purpose(
        _CONTROL,
        "retention_policies",
        _READ_AND_ADD,
        "What was set, when and by whom is never changed.",
    ),
    _purpose(_CONTROL, "holds", _READ_AND_ADD, "Holds are placed here."),
    _purpose(
        _CONTROL,
        "holds (release*)",
        ("UPDATE",),
        "Holds are released here.",
    ),
    _purpose(_CONTROL, "swept_documents", _READ, "What was swept is counted."),
    *(
        _purpose(
            _PRIVACY,
            table,
            ("SELECT", "DELETE", "MAINTAIN"),
            "Sweeps go by them, and they go with their tenant.",
        )
        for table in ("retention_policies", "holds")
    ),
    _purpose(
        _PRIVACY,
        "swept_documents",
        ("SELECT", "INSERT", "DELETE", "MAINTAIN"),
        "Sweeps note what may not come back.",
    ),
)
