"""`coworker receipts`: signed proof of what was removed, and verifying it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from coworker_pipelines.cli.asking import asked_lines
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, Limit, console, show_json, show_one, show_rows
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.privacy.receipts.book import (
    all_receipts,
    find_receipt,
    newest_receipts,
    public_keys,
)
from coworker_pipelines.privacy.receipts.commitment import is_about
from coworker_pipelines.privacy.receipts.receipt import Receipt
from coworker_pipelines.privacy.receipts.signing import PublicKeys, public_pem
from coworker_pipelines.privacy.receipts.verify import Verified, verify

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Signed proof of deletions and erasures.\n\nEach receipt says what was done in every "
        "place, and what was counted there afterwards. Receipts are one chain: each names the "
        "digest of the one before, so none can be left out or changed without that being seen."
    ),
)

Out = Annotated[
    Path | None, typer.Option("--out", help="A new file to write to, instead of the output.")
]


@app.command("list")
def list_command(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    limit: Limit = 20,
    *,
    as_json: Json = False,
) -> None:
    """List receipts, the newest first."""
    with opened() as platform, platform.database.control() as session:
        tenant_id = None if tenant is None else find_tenant(session, tenant).id
        receipts = newest_receipts(session, tenant_id=tenant_id, limit=limit)
    show_rows(
        [_summary(receipt) for receipt in receipts],
        ("number", "order", "kind", "tenant", "issued_at", "targets", "deleted", "masked"),
        as_json=as_json,
        none="There are no receipts yet.",
    )


@app.command()
def show(
    receipt: Annotated[str, typer.Argument(help="Its number, or the id of its order.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what a receipt says."""
    with opened() as platform, platform.database.control() as session:
        found = find_receipt(session, receipt)
    if as_json:
        show_json({"body": found.content, "signature": found.signature.hex()})
        return
    content = found.content
    targets = content.pop("targets")
    show_one({**content, "signature": found.signature.hex()}, as_json=False)
    columns = ("target", "method", "matched", "deleted", "masked", "left_first", "left_second")
    show_rows(targets, columns, as_json=False, none="No place held anything.")


@app.command()
def export(
    receipt: Annotated[
        str | None, typer.Argument(help="Only this one: its number, or the id of its order.")
    ] = None,
    *,
    public_key: Annotated[
        bool, typer.Option("--public-key", help="The public keys instead, as PEM.")
    ] = False,
    out: Out = None,
) -> None:
    """Write receipts as lines of canonical JSON (RFC 8785), or the public keys that verify them."""
    if public_key and receipt is not None:
        raise TenantActionError("Export a receipt or the public keys, one at a time.")
    with opened() as platform, platform.database.control() as session:
        if public_key:
            names = public_keys(session) or [platform.safeguards.receipts.key.name]
            lines = [public_pem(name) for name in names]
        elif receipt is not None:
            lines = [find_receipt(session, receipt).line()]
        else:
            lines = [one.line() for one in all_receipts(session)]
    _write(b"".join(lines), out)


@app.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(help="What `coworker receipts export` wrote.")],
    key: Annotated[
        Path, typer.Option("--public-key", help="The public key, from who you trust for it.")
    ],
    *,
    about: Annotated[
        bool,
        typer.Option(
            "--about", help="Ask for a salt and identifiers, and say which receipt is about them."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Verify exported receipts: signatures, chain and numbers; with the file and the key alone."""
    verified = verify(_read(file, "receipts"), PublicKeys.of(_read(key, "public key")))
    result: dict[str, Any] = _said(verified)
    if about:
        result["about them"] = _about(verified)
    show_one(result, as_json=as_json)


def _summary(receipt: Receipt) -> dict[str, Any]:
    content = receipt.content
    targets = content["targets"]
    return {
        "number": receipt.number,
        "order": content["order"]["id"],
        "kind": content["order"]["kind"],
        "tenant": content["extent"]["tenant"],
        "issued_at": content["issued_at"],
        "targets": len(targets),
        "deleted": sum(target["deleted"] for target in targets),
        "masked": sum(target["masked"] for target in targets),
        "digest": receipt.digest,
    }


def _said(verified: Verified) -> dict[str, Any]:
    count = len(verified.receipts)
    beginning = (
        "from the first of all: none is missing up to the last"
        if verified.from_beginning
        else f"from number {verified.first}: what went before was not looked at"
    )
    return {
        "receipts": count,
        "signatures": f"all {count} are by the key given, and no byte was changed",
        "chain": "each names the digest of the one before" if count > 1 else "only one was given",
        "numbers": f"{verified.first} to {verified.last} without a gap, {beginning}",
        "left": "no receipt says that anything is left",
        "digest of the last": verified.digest,
    }


def _about(verified: Verified) -> str:
    """Numbers of the receipts that are about the person whose salt and identifiers are given."""
    salt, *identifiers = asked_lines(
        "The salt that was given with the receipt, then every identifier of the request, one a "
        "line; an empty line ends"
    )
    found = [
        str(receipt.number)
        for receipt in verified.receipts
        if is_about(identifiers, salt, receipt.content["commitment"] or "")
    ]
    if not found:
        raise RefusedError("No receipt of the file is about these identifiers with this salt.")
    return f"receipt {', '.join(found)}"


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TenantActionError(f"The file of the {what}, {path}, cannot be read.") from error


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        with out.open("xb") as target:
            target.write(content)
    except OSError as error:
        raise TenantActionError(f"{out} cannot be made: {error.strerror}.") from error
    console.print(f"Written to {out}.")
