"""Programs that tests build from Go modules on first use, and find below ``CACHE`` afterwards."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.conftest import CACHE


def installed(name: str, source: str, *, kept_in: str, missing: str, build_s_max: int) -> Path:
    """The program; a killed build leaves nothing that counts.

    Raises:
        FileNotFoundError: it has to be built, and there is no Go here; ``missing`` says so.
    """
    folder = CACHE / kept_in
    program = folder / name
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            raise FileNotFoundError(missing)
        unfinished = folder.with_name(f"{folder.name}.unfinished-{os.getpid()}")
        subprocess.run(
            [go, "install", source],
            check=True,
            capture_output=True,
            timeout=build_s_max,
            env=os.environ | {"GOBIN": str(unfinished)},
        )
        folder.mkdir(parents=True, exist_ok=True)
        (unfinished / program.name).replace(program)
        unfinished.rmdir()
    return program
