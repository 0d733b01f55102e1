"""Rules as commands name them: a file, or a kept rule."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.store import find_version
from coworker_pipelines.automation.rules.text import RuleRefusedError, RuleText, read_rule
from coworker_pipelines.cli.output import USAGE_STATUS, console, errors
from coworker_pipelines.kernel.errors import TenantActionError

SUFFIXES = frozenset({".yaml", ".yml"})
Files = Annotated[list[Path], typer.Argument(help="YAML files, a rule in each.")]
Tenant = Annotated[str, typer.Argument(help="The tenant's slug.")]
Named = Annotated[str, typer.Argument(help="A YAML file, or a kept rule: NAME or NAME:VERSION.")]


def read_file(path: Path) -> RuleText:
    """The rule of a file; what is wrong with it is its line, column and sentence.

    Raises:
        TenantActionError: the file cannot be read.
        RuleRefusedError: it is no rule.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TenantActionError(f"The file {path} cannot be read as a text.") from error
    return read_rule(text)


def tested_file(path: Path) -> RuleText:
    """The same, once its own tests have come out as they are written."""
    # The second implementation takes long to import, and no other command needs it.
    from coworker_pipelines.automation.rules.trials import failures_of  # noqa: PLC0415

    found = read_file(path)
    failures = failures_of(found.rule)
    if failures:
        raise found.refused(failures)
    return found


def all_of(paths: Sequence[Path], read: Callable[[Path], RuleText]) -> list[RuleText]:
    """The rules of all files; every refusal is said before the command ends with status 2."""
    found, refused = [], 0
    for path in paths:
        try:
            found.append(read(path))
        except RuleRefusedError as error:
            say_refusals(path, error)
            refused += 1
        except TenantActionError as error:
            errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
            refused += 1
    if refused:
        raise typer.Exit(USAGE_STATUS)
    return found


def say_refusals(path: Path, error: RuleRefusedError) -> None:
    """One line for each, as compilers write them."""
    for one in error.refusals:
        line = f"{path}:{one.place}: {one.sentence}"
        errors.print(line, markup=False, highlight=False, soft_wrap=True)


def one_of(path: Path, read: Callable[[Path], RuleText]) -> RuleText:
    return all_of([path], read)[0]


def named_rule(session: Session, tenant: str, named: str) -> Rule:
    """The rule of a file, or one that is kept.

    Raises:
        TenantActionError: there is none.
    """
    if is_file(named):
        return one_of(Path(named), read_file).rule
    return kept_rule(session, tenant, named)


def kept_rule(session: Session, tenant: str, named: str) -> Rule:
    """``NAME`` is the newest version, ``NAME:VERSION`` that one."""
    name, colon, version = named.partition(":")
    if colon and not version.isdecimal():
        raise TenantActionError(f"{version!r} is no version: write NAME:VERSION, such as {name}:2.")
    return find_version(session, tenant, name, int(version) if version else None)


def is_file(named: str) -> bool:
    return Path(named).suffix in SUFFIXES


def say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
