"""Who may read what on this machine: the state folder and the secret store in it."""

import grp
import pwd
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from coworker_pipelines.access.grants import Answer, Gap, Grant, Store, Trait

STATE: Final = "state"
_PRIVATE: Final = (
    "master.key", "secrets.key", "secrets", "passwords.json", "segments", "dagster",
    "services/postgres", "services/elasticsearch",
)  # fmt: skip
"""What holds secrets, clients' data or the logs of runs, below the state folder."""
_BITS: Final = ((4, "read"), (2, "write"), (1, "enter"))
_ENTRIES_MAX: Final = 100_000


def files_answer(state: Path, elsewhere: Mapping[str, Path]) -> Answer:
    """Owners and modes of what rests on this machine, in the state folder or ``elsewhere``."""
    if not state.is_dir():
        sentence = f"There is no state folder {state} on this machine."
        return Answer(gaps=[Gap(store=Store.FILES, sentence=sentence)])
    places = {STATE: state, **{name: state / name for name in _PRIVATE}, **elsewhere}
    grants: list[Grant] = []
    gaps: list[Gap] = []
    for name, path in places.items():
        try:
            grants.extend(_of_place(name, path))
        except FileNotFoundError:
            continue
        except PermissionError:
            sentence = f"{path} belongs to another user, who closed it: ask as that user."
            gaps.append(Gap(store=Store.FILES, sentence=sentence))
    if (state / "secrets").is_dir():
        grants.extend(_open_secrets(state / "secrets"))
    return Answer(grants=grants, gaps=gaps)


def _of_place(name: str, path: Path) -> Iterator[Grant]:
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    is_folder = stat.S_ISDIR(status.st_mode)
    classes = (
        (6, "owner", f"user {_user(status.st_uid)}"),
        (3, "group", f"group {_group(status.st_gid)}"),
        (0, "others", "everybody on this machine"),
    )
    for shift, whose, subject in classes:
        bits = mode >> shift & 0o7
        may = tuple(word for bit, word in _BITS if bits & bit and (is_folder or word != "enter"))
        if not may:
            continue
        is_open = whose != "owner" and (name != STATE or "write" in may)
        yield Grant(
            store=Store.FILES,
            subject=subject,
            may=may,
            on=name,
            through=f"{whose}, mode {mode:04o} of {path}",
            traits=frozenset({Trait.OPEN_TO_OTHERS}) if is_open else frozenset(),
        )


def _open_secrets(folder: Path) -> Iterator[Grant]:
    """What lies in the secret store and is open to more than its owner."""
    for count, path in enumerate(sorted(folder.rglob("*"))):
        assert count < _ENTRIES_MAX
        for grant in _of_place(f"secrets/{path.relative_to(folder)}", path):
            if grant.traits:
                yield grant


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
