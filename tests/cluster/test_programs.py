import os
import stat
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import TenantActionError
from tests.cluster.programs import build_programs

BUILDS = """#!/bin/sh
for argument; do
  if [ "$previous" = -o ]; then printf '%s' '{made}' > "$argument"; chmod 755 "$argument"; fi
  previous=$argument
done
echo "told by go" >&2
exit {status}
"""
WORKS = "#!/bin/sh\necho 1.0\n"


def _go(folder: Path, *, made: str, status: int = 0) -> dict[str, str]:
    """An environment whose `go` makes a program of this text."""
    folder.mkdir(exist_ok=True)
    program = folder / "go"
    program.write_text(BUILDS.format(made=made, status=status), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": os.pathsep.join([str(folder), os.defpath])}


def _built(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if not path.name.startswith("."))


def test_programs_are_built_once(tmp_path: Path) -> None:
    said: list[str] = []
    environment = _go(tmp_path / "go", made=WORKS)
    first = build_programs(tmp_path / "cache", environment=environment, progress=said.append)
    assert len(said) == 4
    again = build_programs(tmp_path / "cache", environment={}, progress=said.append)
    assert again == first
    assert len(said) == 4
    assert os.access(first.kubectl, os.X_OK)


@pytest.mark.parametrize(("made", "status"), ((WORKS, 1), ("#!/bin/sh\nexit 1\n", 0)))
def test_half_a_build_never_counts(tmp_path: Path, made: str, status: int) -> None:
    environment = _go(tmp_path / "go", made=made, status=status)
    for _ in range(2):
        with pytest.raises(TenantActionError, match="cannot build etcd: told by go"):
            build_programs(tmp_path / "cache", environment=environment, progress=print)
    assert "etcd" not in _built(tmp_path / "cache")
    build_programs(tmp_path / "cache", environment=_go(tmp_path / "go", made=WORKS), progress=print)
    assert {"etcd", "kubectl"} <= set(_built(tmp_path / "cache"))


def test_a_missing_go_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TenantActionError, match="install Go"):
        build_programs(tmp_path, environment={"PATH": str(tmp_path)}, progress=print)
