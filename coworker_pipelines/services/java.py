"""Finding a Java that the node can run on."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import TenantActionError

JAVA_MIN: Final = 21
SYSTEM_FOLDERS: Final = (Path("/usr/lib/jvm"),)
_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jdk:
    home: Path
    version: int

    @property
    def has_compiler(self) -> bool:
        return (self.home / "bin" / "javac").is_file()


def find_jdk(
    environment: Mapping[str, str],
    *,
    reaches: Callable[[Path], bool],
    system_folders: Sequence[Path] = SYSTEM_FOLDERS,
) -> Jdk:
    """The first JDK that is new enough, of ES_JAVA_HOME, JAVA_HOME, PATH and the system's own.

    ``reaches`` says whether the user that the node runs as can read a folder: a JDK in a closed
    home is of no use to it.

    Raises:
        TenantActionError: there is none; the sentence says what was found instead.
    """
    found = list(_installations(environment, system_folders))
    for java in found:
        if java.version >= JAVA_MIN and java.has_compiler and reaches(java.home / "bin"):
            return java
    if any(java.version >= JAVA_MIN and java.has_compiler for java in found):
        missing = "the one found is in a folder that is closed to the servers' user"
    elif any(java.version >= JAVA_MIN for java in found):
        missing = "only a runtime without the compiler javac was found"
    elif found:
        missing = f"the newest found is {max(java.version for java in found)}"
    else:
        missing = "no Java was found"
    raise TenantActionError(
        f"Elasticsearch needs a JDK {JAVA_MIN} or newer and {missing}: install one (a package "
        f"like openjdk-{JAVA_MIN}-jdk-headless), or set ES_JAVA_HOME to its folder."
    )


def _installations(environment: Mapping[str, str], folders: Sequence[Path]) -> Iterator[Jdk]:
    for home in _homes(environment, folders):
        version = _version(home)
        if version is not None:
            yield Jdk(home=home, version=version)


def _homes(environment: Mapping[str, str], folders: Sequence[Path]) -> Iterator[Path]:
    for name in ("ES_JAVA_HOME", "JAVA_HOME"):
        if environment.get(name):
            yield Path(environment[name])
    for program in ("javac", "java"):
        path = shutil.which(program, path=environment.get("PATH", ""))
        if path is not None:
            yield Path(path).resolve().parent.parent
    for folder in folders:
        homes = [home for home in folder.glob("*") if (home / "bin" / "java").is_file()]
        yield from sorted(homes, key=lambda home: (-(_version(home) or 0), home))


def _version(home: Path) -> int | None:
    """From the file ``release``, which every JDK since 8 has; no Java is started to ask."""
    try:
        found = _VERSION.search((home / "release").read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(found[1]) if found and (home / "bin" / "java").is_file() else None
