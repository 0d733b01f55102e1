"""Which Java is chosen, and what is said when none will do."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.java import Jdk, find_jdk


def make_java(home: Path, version: str, *, compiler: bool = True) -> Path:
    (home / "bin").mkdir(parents=True)
    for program in ("java", "javac") if compiler else ("java",):
        path = home / "bin" / program
        path.write_text("#!/bin/sh\n", encoding="utf-8")
        path.chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n', encoding="utf-8")
    return home


def find(environment: Mapping[str, str], folder: Path, *, reached: bool = True) -> Jdk:
    return find_jdk(environment, reaches=lambda _: reached, system_folders=[folder])


def test_the_java_that_is_named_goes_before_the_one_on_the_path(tmp_path: Path) -> None:
    named = make_java(tmp_path / "named", "21.0.2")
    on_path = make_java(tmp_path / "on-path", "25")
    environment = {"ES_JAVA_HOME": str(named), "PATH": str(on_path / "bin")}
    assert find(environment, tmp_path) == Jdk(home=named, version=21)


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    old = make_java(tmp_path / "old", "17.0.15")
    new = make_java(tmp_path / "system" / "new", "25.0.3")
    environment = {"JAVA_HOME": str(old), "PATH": str(old / "bin")}
    assert find(environment, tmp_path / "system").home == new


def test_the_newest_of_the_system_is_chosen(tmp_path: Path) -> None:
    for version in ("1.8.0_402", "21.0.1", "25.0.3", "17"):
        make_java(tmp_path / version, version)
    assert find({}, tmp_path).version == 25


def test_without_java_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TenantActionError, match=r"no Java was found: install one.*ES_JAVA_HOME"):
        find({"PATH": str(tmp_path)}, tmp_path)


def test_an_old_java_is_named_with_its_version(tmp_path: Path) -> None:
    make_java(tmp_path / "old", "17.0.15")
    with pytest.raises(TenantActionError, match="the newest found is 17"):
        find({}, tmp_path)


def test_a_runtime_without_compiler_is_told_from_a_jdk(tmp_path: Path) -> None:
    make_java(tmp_path / "runtime", "25", compiler=False)
    with pytest.raises(TenantActionError, match="only a runtime without the compiler javac"):
        find({}, tmp_path)


def test_a_jdk_that_the_servers_cannot_read_does_not_count(tmp_path: Path) -> None:
    make_java(tmp_path / "closed", "25")
    with pytest.raises(TenantActionError, match="closed to the servers' user"):
        find({}, tmp_path, reached=False)


def test_this_machine_has_a_jdk_for_the_node() -> None:
    assert find_jdk({}, reaches=lambda _: True).version >= 21
