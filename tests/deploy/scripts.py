"""Loading the programs that `deploy` holds beside its manifests."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Final

DEPLOY: Final = Path(__file__).parents[2] / "deploy"


def load_script(path: str) -> ModuleType:
    """The program at this path below `deploy`, as a module."""
    source = DEPLOY / path
    spec = importlib.util.spec_from_file_location(f"deployed_{source.stem}", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
