"""What code of ours could do in a run's pod if it tried: told as JSON. Run there, as a file.

It uses everything that the pod was given, and asks for what is another tenant's.
"""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg

MOUNT = Path("/var/run/coworker")
TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""The file and not its folder, which another pod on this machine may have made for its own."""
FOREIGN = "COWORKER_PROBE_FOREIGN"


def main() -> None:
    foreign = json.loads(os.environ[FOREIGN])
    own = {path.name: path.read_text() for path in (MOUNT / "access").glob("[!.]*")}
    told = {
        "files": sorted(str(path.relative_to(MOUNT)) for path in MOUNT.glob("*/[!.]*")),
        "modes": sorted({oct((MOUNT / "access" / name).stat().st_mode & 0o777) for name in own}),
        "writes": _writes(MOUNT / "access" / "planted"),
        "environment": [name for name, value in os.environ.items() if value in own.values()],
        "token": TOKEN.exists(),
        "secrets_by_api": _asked(f"{_api()}/api/v1/secrets"),
        "index": {
            name: _asked(f"{foreign['elasticsearch']}/{alias}/_search", own)
            for name, alias in foreign["aliases"].items()
        },
        "document": _asked(
            f"{foreign['elasticsearch']}/{foreign['aliases']['foreign']}/_doc/planted",
            own,
            method="PUT",
        ),
        "rows": _rows(own, foreign["tenant"]),
    }
    print(json.dumps(told))  # noqa: T201 - how it tells


def _writes(path: Path) -> str:
    try:
        path.write_text("planted")
    except OSError as error:
        return str(error.strerror)
    return "written"


def _api() -> str:
    return (
        f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    )


def _asked(url: str, own: dict[str, str] | None = None, method: str = "GET") -> int:
    import ssl  # noqa: PLC0415 - only to reach the tests' API server, whose name nobody signed

    headers = {"Content-Type": "application/json"}
    if own is not None:
        headers["Authorization"] = f"ApiKey {own['elasticsearch_api_key']}"
    body = b"{}" if method == "PUT" else None
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(  # noqa: S310 - addresses of the test
            request,
            timeout=20,
            context=ssl._create_unverified_context(),  # noqa: S323
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _rows(own: dict[str, str], foreign: str) -> dict[str, Any]:
    """Each question is one transaction, in the role that it names."""
    return {
        "own": _counted(own, "coworker_run", own["tenant"]),
        "foreign": _counted(own, "coworker_run", foreign),
        "without a pass": _counted({**own, "database_pass": ""}, "coworker_run", own["tenant"]),
        "by itself": _counted(own, None, foreign),
        "as control": _counted(own, "coworker_control", foreign),
        "as locator": _counted(own, "coworker_locator", foreign),
        "superuser": _asked_for(own, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"),
        "owned tables": _asked_for(
            own, "SELECT count(*) FROM pg_tables WHERE tableowner = current_user"
        ),
    }


def _counted(own: dict[str, str], role: str | None, tenant: str) -> Any:
    return _asked_for(
        own,
        "SELECT count(id) FROM connections",
        f"SET LOCAL ROLE {role}" if role else "SELECT 1",
        f"SET LOCAL coworker.tenant = '{tenant}'",
        f"SET LOCAL coworker.pass = '{own['database_pass']}'",
    )


def _asked_for(own: dict[str, str], question: str, *before: str) -> Any:
    url = own["database_url"].replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        try:
            for statement in before:
                connection.execute(statement.encode())
            row = connection.execute(question.encode()).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            return "permission denied"
    assert row is not None
    return row[0]


if __name__ == "__main__":
    main()
