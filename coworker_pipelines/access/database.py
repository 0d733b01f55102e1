"""Who may do what in the database: attributes of roles, memberships, owners, grants."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from coworker_pipelines.access.grants import Answer, Grant, Store, Trait
from coworker_pipelines.database.database import Database

OWN_LOGIN: Final = "the login of COWORKER_DATABASE_URL"
RUN_LOGIN: Final = "the login of COWORKER_RUN_DATABASE_URL_FILE"
OWN_SERVER: Final = "the login of this machine's own Postgres"
SERVER: Final = "server"
EVERYBODY: Final = "everybody"
ATTRIBUTES: Final = {
    "rolcanlogin": "log in",
    "rolsuper": "everything",
    "rolbypassrls": "bypass row security",
    "rolcreaterole": "create roles",
    "rolcreatedb": "create databases",
    "rolreplication": "replicate",
}
_TRAITS: Final = {
    "rolsuper": Trait.SUPERUSER,
    "rolbypassrls": Trait.BYPASSES_ROW_SECURITY,
}
_BUILT_IN: Final = "pg\\_%"


def database_answer(
    database: Database, *, through: str = OWN_LOGIN, run_login: str | None = None
) -> Answer:
    """All rights in our database and on its server; Postgres keeps no time of any of them.

    ``through`` says whose login this process comes with, ``run_login`` names the one of runs.
    """
    with database.control() as session:
        own = _Logins({session.scalar(text("SELECT session_user")) or "": through})
        if run_login is not None:
            own.words.setdefault(run_login, RUN_LOGIN)
        return Answer(
            grants=[
                *_attributes(session, own),
                *_memberships(session, own),
                *_owners(session, own),
                *_tables(session),
                *_columns(session),
                *_functions(session),
                *_connecting(session),
            ]
        )


def _attributes(session: Session, own: "_Logins") -> Iterator[Grant]:
    rows = session.execute(
        text(
            f"SELECT rolname, rolvaliduntil, {', '.join(ATTRIBUTES)} FROM pg_roles "  # noqa: S608 - names of columns, from above
            "WHERE rolname NOT LIKE :built_in"
        ),
        {"built_in": _BUILT_IN},
    ).mappings()
    for row in rows:
        may = tuple(name for column, name in ATTRIBUTES.items() if row[column])
        if may:
            yield Grant(
                store=Store.DATABASE,
                subject=f"role {row['rolname']}",
                may=may,
                on=SERVER,
                through=own.through(row["rolname"]) or "attributes of the role",
                until=row["rolvaliduntil"],
                traits=frozenset(trait for column, trait in _TRAITS.items() if row[column]),
            )


def _memberships(session: Session, own: "_Logins") -> Iterator[Grant]:
    rows = session.execute(
        text(
            "SELECT r.rolname AS role, m.rolname AS member, g.rolname AS grantor, "
            "a.admin_option, a.inherit_option, a.set_option FROM pg_auth_members a "
            "JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member "
            "JOIN pg_roles g ON g.oid = a.grantor WHERE m.rolname NOT LIKE :built_in"
        ),
        {"built_in": _BUILT_IN},
    )
    for row in rows:
        may = {"take on": row.set_option, "inherit": row.inherit_option}
        may["give on"] = row.admin_option
        yield Grant(
            store=Store.DATABASE,
            subject=f"role {row.member}",
            may=tuple(name for name, given in may.items() if given),
            on=f"role {row.role}",
            through=own.through(row.member) or f"membership, given by {row.grantor}",
        )


def _owners(session: Session, own: "_Logins") -> Iterator[Grant]:
    rows = session.execute(
        text(
            "SELECT r.rolname AS owner, count(*) AS tables FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm') GROUP BY r.rolname"
        )
    )
    for row in rows:
        yield Grant(
            store=Store.DATABASE,
            subject=f"role {row.owner}",
            may=("own",),
            on=f"{row.tables} tables",
            through=own.through(row.owner) or "owner",
        )


def _tables(session: Session) -> Iterator[Grant]:
    rows = session.execute(
        text(
            "SELECT c.relname AS table, g.rolname AS grantee, a.privilege_type AS privilege "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee "
            "WHERE n.nspname = 'public' AND a.grantee <> c.relowner ORDER BY 1, 2, 3"
        )
    )
    rights: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for row in rows:
        rights[row.table, row.grantee].append(row.privilege)
    for (table, grantee), may in rights.items():
        yield _granted(grantee, may, table)


def _columns(session: Session) -> Iterator[Grant]:
    rows = session.execute(
        text(
            "SELECT c.relname AS table, g.rolname AS grantee, a.privilege_type AS privilege, "
            "string_agg(t.attname, ', ' ORDER BY t.attnum) AS columns FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_attribute t ON t.attrelid = c.oid CROSS JOIN LATERAL aclexplode(t.attacl) a "
            "LEFT JOIN pg_roles g ON g.oid = a.grantee "
            "WHERE n.nspname = 'public' AND a.grantee <> c.relowner GROUP BY 1, 2, 3 ORDER BY 1, 2"
        )
    )
    for row in rows:
        yield _granted(row.grantee, [row.privilege], f"{row.table} ({row.columns})")


def _functions(session: Session) -> Iterator[Grant]:
    """Those that work with the rights of their owner, whoever calls them."""
    rows = session.execute(
        text(
            "SELECT p.proname AS function, g.rolname AS grantee FROM pg_proc p "
            "JOIN pg_namespace n ON n.oid = p.pronamespace "
            "CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a "
            "LEFT JOIN pg_roles g ON g.oid = a.grantee "
            "WHERE n.nspname = 'public' AND p.prosecdef AND a.grantee <> p.proowner ORDER BY 1, 2"
        )
    )
    for row in rows:
        yield _granted(
            row.grantee, ["EXECUTE as its owner"], f"function {row.function}", is_default=True
        )


def _connecting(session: Session) -> Iterator[Grant]:
    rows = session.execute(
        text(
            "SELECT g.rolname AS grantee, array_agg(a.privilege_type ORDER BY 1) AS may "
            "FROM pg_database d "
            "CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a "
            "LEFT JOIN pg_roles g ON g.oid = a.grantee "
            "WHERE d.datname = current_database() AND a.grantee <> d.datdba GROUP BY 1"
        )
    )
    for row in rows:
        yield _granted(row.grantee, row.may, "this database", is_default=True)


def _granted(
    grantee: str | None, may: Sequence[str], on: str, *, is_default: bool = False
) -> Grant:
    """``None`` is Postgres' PUBLIC: whoever can log in.

    With ``is_default`` Postgres itself gives it to everybody: that it is everybody's is then no
    finding, only that nobody says why it may stay so.
    """
    is_opened = grantee is None and not is_default
    return Grant(
        store=Store.DATABASE,
        subject=f"role {grantee}" if grantee else EVERYBODY,
        may=tuple(may),
        on=on,
        through="grant",
        traits=frozenset({Trait.EVERYBODY}) if is_opened else frozenset(),
    )


@dataclass(frozen=True, slots=True)
class _Logins:
    """The words for logins that are ours."""

    words: dict[str, str]

    def through(self, name: str) -> str | None:
        return self.words.get(name)
