"""`coworker rules`: what the Automation Engine acts by."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.store import (
    activate as activate_rule,
)
from coworker_pipelines.automation.rules.store import (
    activations,
    active_members,
    add_version,
    newest_rules,
    versions_of,
)
from coworker_pipelines.automation.rules.store import (
    deactivate as deactivate_rule,
)
from coworker_pipelines.automation.rules.template import starting_text
from coworker_pipelines.automation.rules.text import write_rule
from coworker_pipelines.cli.dry_running import dry_run
from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import Json, show_json, show_rows
from coworker_pipelines.cli.rule_files import (
    Files,
    Named,
    Tenant,
    all_of,
    is_file,
    kept_rule,
    named_rule,
    one_of,
    read_file,
    say,
    tested_file,
)
from coworker_pipelines.cli.stopping import approve, limit, resume, stop
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError

app = typer.Typer(no_args_is_help=True, help="Rules: what is done about which activities.")


@app.command()
def new(
    rule: Annotated[str, typer.Argument(help="The rule's name: lower case, digits, hyphens.")],
    kind: Annotated[str, typer.Option(help="The kind of source: `connections kinds`.")] = "git",
    folder: Annotated[Path, typer.Option(help="Where the file is put.")] = Path(),
) -> None:
    """Write a first YAML file for a rule, which passes its own tests.

    Example: coworker rules new large-commit --kind git
    """
    text = starting_text(rule, kind)
    path = folder / f"{rule}.yaml"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise TenantActionError(f"There is a file {path} already.") from error
    except OSError as error:
        raise TenantActionError(f"The file {path} cannot be written.") from error
    say(f"{path} is there. Next: change it, then coworker rules test {path}")


@app.command()
def check(files: Files) -> None:
    """Check that rules make sense: names, types, limits. Errors say line and column."""
    for found in all_of(files, read_file):
        say(f"{found.rule.id} {found.rule.version} makes sense ({found.rule.digest}).")


@app.command()
def test(files: Files) -> None:
    """Run the tests that rules bring, with two implementations of their language."""
    for found in all_of(files, tested_file):
        say(f"{found.rule.id} {found.rule.version}: {len(found.rule.tests)} tests passed.")


@app.command()
def activate(tenant: Tenant, rule: Named) -> None:
    """Switch a rule on, from a file or in a kept version; its tests are run first.

    The version is kept as it is, for ever; another version of the rule is switched off by it.

    Example: coworker rules activate acme large-commit.yaml
    """
    of_file = one_of(Path(rule), tested_file).rule if is_file(rule) else None
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        now = platform.clock.now()
        found = of_file or kept_rule(session, owner, rule)
        if of_file is not None:
            add_version(session, owner, of_file, by=operator(), now=now)
        changed = activate_rule(session, owner, found, by=operator(), now=now)
    state = "is active now" if changed else "was active already"
    say(f"{found.id} {found.version} {state} for {tenant} ({found.digest}).")


@app.command()
def deactivate(
    tenant: Tenant, rule: Annotated[str, typer.Argument(help="The rule's name.")]
) -> None:
    """Switch a rule off, at once; its versions and what they decided stay."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        now = platform.clock.now()
        changed = deactivate_rule(session, owner, rule, by=operator(), now=now)
    say(f"{rule} {'is off now' if changed else 'was off already'} for {tenant}.")


@app.command("list")
def list_command(tenant: Tenant, *, as_json: Json = False) -> None:
    """List a tenant's rules: newest and active versions, what triggers them."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        active = {one.rule: one.version for one in active_members(session, owner)}
        rows = [_row(rule, active.get(rule.id)) for rule in newest_rules(session, owner)]
    show_rows(
        rows,
        ("rule", "newest", "active", "priority", "group", "kinds", "streams", "verbs", "actions"),
        as_json=as_json,
        none=f"{tenant} has no rule yet. Write one: coworker rules new NAME",
    )


@app.command()
def show(tenant: Tenant, rule: Named, *, as_json: Json = False) -> None:
    """Show a rule as YAML, and who switched it when."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        found = kept_rule(session, owner, rule)
        versions = versions_of(session, owner, found.id)
        switched = activations(session, owner, found.id)
    if as_json:
        history = [
            {"version": one.version, "digest": one.digest, "by": one.by, "at": one.at}
            for one in switched
        ]
        content = {"rule": found.content(), "digest": found.digest}
        show_json({**content, "versions": versions, "activations": history})
        return
    say(write_rule(found))
    say(f"# digest {found.digest}; versions {', '.join(map(str, versions))}")
    for one in switched:
        what = "off" if one.version is None else f"version {one.version} on ({one.digest})"
        say(f"# {one.at:%Y-%m-%d %H:%M:%S} {one.by}: {what}")


@app.command()
def diff(tenant: Tenant, before: Named, after: Named) -> None:
    """Show what two rules differ in, line by line; each a file or a kept version.

    Example: coworker rules diff acme large-commit large-commit.yaml
    """
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        first, second = (named_rule(session, owner, named) for named in (before, after))
    lines = list(
        difflib.unified_diff(
            write_rule(first).splitlines(),
            write_rule(second).splitlines(),
            f"{before} ({first.digest})",
            f"{after} ({second.digest})",
            lineterm="",
        )
    )
    say("\n".join(lines) if lines else f"{before} and {after} say the same.")


app.command("dry-run")(dry_run)
for verb in (stop, resume, limit, approve):
    app.command()(verb)


def _row(rule: Rule, active: int | None) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "newest": rule.version,
        "active": "-" if active is None else str(active),
        "priority": rule.priority,
        "group": rule.conflict_group,
        "kinds": ", ".join(rule.trigger.kinds),
        "streams": ", ".join(rule.trigger.streams) or "any",
        "verbs": ", ".join(rule.trigger.verbs) or "any",
        "actions": ", ".join(action.type for action in rule.actions),
        "digest": rule.digest,
    }
