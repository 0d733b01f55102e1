"""The canonical format of Terraform's language, as `terraform fmt` writes it.

Its library's own program is built from its Go module on first use: Terraform itself is no Go module
that can be installed.
"""

import subprocess
from pathlib import Path
from typing import Final

from tests.go_programs import installed

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
    return installed(
        "hclfmt",
        SOURCE,
        kept_in=f"hclfmt-{VERSION}",
        missing="The formatter of Terraform's files is built with Go.",
        build_s_max=BUILD_S_MAX,
    )
