"""The programs of a control plane: built from the Go module in ``binaries`` once, then kept."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.locks import file_lock

MODULE: Final = Path(__file__).parent / "binaries"
CACHE: Final = Path(__file__).parents[2] / ".coworker" / "cache"
_BUILD_TIMEOUT_S: Final = 3_600
_CHECK_TIMEOUT_S: Final = 60
_DIGEST_CHARACTERS: Final = 16

_PACKAGES: Final = {
    "etcd": "coworker.test/binaries/etcd",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Where the programs lie; each of them ran at least once."""

    etcd: Path
    apiserver: Path
    controller_manager: Path
    kubectl: Path


def build_programs(
    cache: Path, *, environment: Mapping[str, str], progress: Callable[[str], None]
) -> Programs:
    """All programs, in a folder of ``cache`` that is named for the module's sums.

    A program appears there by a rename, after it was built whole and has told its version: what
    is there is of use, and a killed build leaves nothing that counts.

    Raises:
        TenantActionError: Go is missing, or it cannot build a program.
    """
    folder = cache / "kubernetes" / _digest()
    with file_lock(cache / "kubernetes" / "build.lock", wait_s=_BUILD_TIMEOUT_S):
        for name, package in _PACKAGES.items():
            if not (folder / name).exists():
                go = _find_go(environment)
                progress(f"building {name} with Go (minutes, once)")
                _build(go, folder / name, package, environment)
    return Programs(
        etcd=folder / "etcd",
        apiserver=folder / "kube-apiserver",
        controller_manager=folder / "kube-controller-manager",
        kubectl=folder / "kubectl",
    )


def _digest() -> str:
    sums = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    return hashlib.sha256(sums).hexdigest()[:_DIGEST_CHARACTERS]


def _find_go(environment: Mapping[str, str]) -> str:
    go = shutil.which("go", path=environment.get("PATH", os.defpath))
    if go is None:
        raise TenantActionError(
            "The control plane of the tests is built with Go and there is no go on PATH: install "
            "Go 1.26 or newer."
        )
    return go


def _build(go: str, program: Path, package: str, environment: Mapping[str, str]) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_name(f".{program.name}.unfinished")
    built = subprocess.run(
        [go, "build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", unfinished, package],
        check=False,
        cwd=MODULE,
        env={**environment, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=_BUILD_TIMEOUT_S,
    )
    if built.returncode != 0 or not _tells_its_version(unfinished):
        reason = next(iter(built.stderr.strip().splitlines()[-1:]), "it tells no version")
        raise TenantActionError(f"Go cannot build {program.name}: {reason}")
    unfinished.replace(program)


def _tells_its_version(program: Path) -> bool:
    arguments = ["version", "--client"] if "kubectl" in program.name else ["--version"]
    asked = subprocess.run(
        [program, *arguments], check=False, capture_output=True, timeout=_CHECK_TIMEOUT_S
    )
    return asked.returncode == 0
