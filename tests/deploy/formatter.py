"""The canonical format of Terraform's language, as `terraform fmt` writes it.

Its library's own program is built from its Go module on first use: Terraform itself is no Go module
that can be installed.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.conftest import CACHE

VERSION: Final = "v2.24.0"
SOURCE: Final = f"github.com/hashicorp/hcl/v2/cmd/hclfmt@{VERSION}"
BUILD_S_MAX: Final = 300
FORMAT_S_MAX: Final = 10


def formatted(text: str) -> str:
    """The text in canonical format."""
    done = subprocess.run(
        [_program()], check=True, capture_output=True, input=text, text=True, timeout=FORMAT_S_MAX
    )
    return done.stdout


def _program() -> Path:
    folder = CACHE / f"hclfmt-{VERSION}"
    program = folder / "hclfmt"
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            raise FileNotFoundError("The formatter of Terraform's files is built with Go.")
        unfinished = folder.with_name(f"{folder.name}.unfinished-{os.getpid()}")
        subprocess.run(
            [go, "install", SOURCE],
            check=True,
            capture_output=True,
            timeout=BUILD_S_MAX,
            env=os.environ | {"GOBIN": str(unfinished)},
        )
        folder.mkdir(parents=True, exist_ok=True)
        (unfinished / program.name).replace(program)
        unfinished.rmdir()
    return program
