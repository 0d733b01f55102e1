"""Actions: what is to be done, what was sent, where to, and what stops it; who does it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MAINTAIN_SINCE = 170_000
TENANT = "(SELECT coworker_tenant())"
TABLES = ("outbox", "destinations", "sent", "kill_switches", "breakers", "tags", "tasks")
RUN_MAY = {
    # A run adds what was chosen, with the decision. What comes of it is not for it to see.
    "outbox": "INSERT",
}
DISPATCH_MAY = {
    "outbox": "SELECT, UPDATE (state, attempts, next_at, acted_at, done_at, outcome, detail)",
    # Where something may go and whether it is stopped, and not who said so or why.
    "destinations": "SELECT (id, tenant_id, name, kind, address, sender, recipients, fields, "
    "withdrawn_at)",
    "sent": "SELECT, INSERT, UPDATE (ended_at, outcome, detail)",
    "kill_switches": "SELECT (id, tenant_id, rule, lifted_at)",
    "breakers": "SELECT (tenant_id, rule, actions_an_hour, first_actions, approved_version)",
    "tags": "SELECT, INSERT",
    "tasks": "SELECT, INSERT",
}
CONTROL_MAY = {
    "outbox": "SELECT, UPDATE (state, next_at, done_at, outcome, detail)",
    "destinations": "SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at)",
    "sent": "SELECT",
    "kill_switches": "SELECT, INSERT, UPDATE (lifted_by, lifted_at)",
    "breakers": "SELECT, INSERT, UPDATE",
    "tags": "SELECT",
    "tasks": "SELECT",
}
PRIVACY_MAY = {
    "outbox": "SELECT, UPDATE (payload, subject_keys, erased_at, state, done_at, outcome, detail), "
    "DELETE",
    "destinations": "SELECT, DELETE",
    "sent": "SELECT, UPDATE (digest, subject_keys, erased_at), DELETE",
    "kill_switches": "SELECT, DELETE",
    "breakers": "SELECT, DELETE",
    "tags": "SELECT, DELETE",
    "tasks": "SELECT, DELETE",
}
INDICES: tuple[tuple[str, str, list[str]], ...] = (
    ("ix_outbox_tenant_id_state", "outbox", ["tenant_id", "state", "made_at"]),
    ("ix_outbox_tenant_id_rule", "outbox", ["tenant_id", "rule", "acted_at"]),
    ("ix_outbox_tenant_id_connection_id", "outbox", ["tenant_id", "connection_id", "stream"]),
    ("ix_sent_tenant_id_place", "sent", ["tenant_id", "place", "began_at"]),
    ("ix_sent_tenant_id_connection_id", "sent", ["tenant_id", "connection_id", "stream"]),
    ("ix_tags_tenant_id_connection_id", "tags", ["tenant_id", "connection_id", "stream"]),
    ("ix_tasks_tenant_id_list_name", "tasks", ["tenant_id", "list_name", "made_at"]),
    ("ix_tasks_tenant_id_connection_id", "tasks", ["tenant_id", "connection_id", "stream"]),
)
WITH_SUBJECTS = ("outbox", "sent", "tags", "tasks")


def upgrade() -> None:
    _make_outbox()
    _make_sending()
    _make_stopping()
    _make_effects()
    for name, table, columns in INDICES:
        op.create_index(name, table, columns, unique=False)
    for table in WITH_SUBJECTS:
        op.create_index(
            f"ix_{table}_subject_keys",
            table,
            ["subject_keys"],
            unique=False,
            postgresql_using="gin",
        )
    _make_role()
    _secure()


def downgrade() -> None:
    """Tables take their indices, policies and grants along; the role may serve others."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _tenant(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.ARRAY(sa.String()), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        *_tenant("outbox"),
        _text("decision_id"),
        _number("ordinal"),
        *map(_text, ("key", "message_id", "connection_id", "stream", "rule")),
        _number("rule_version"),
        _text("action"),
        _text("place", nullable=True),
        _text("state"),
        _number("attempts"),
        _time("made_at"),
        _time("next_at"),
        _time("acted_at", nullable=True),
        _time("done_at", nullable=True),
        _text("outcome", nullable=True),
        _text("detail", nullable=True),
        sa.Column("payload", postgresql.JSONB(none_as_null=True), nullable=True),
        _texts("subject_keys"),
        _time("erased_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "decision_id", "ordinal", name=op.f("pk_outbox")),
    )
    op.create_index("uq_outbox_tenant_id_key", "outbox", ["tenant_id", "key"], unique=True)
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["tenant_id", "next_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'leased')"),
    )


def _make_sending() -> None:
    op.create_table(
        "destinations",
        _text("id"),
        *_tenant("destinations"),
        *map(_text, ("name", "kind", "address")),
        _text("sender", nullable=True),
        _texts("recipients"),
        _texts("fields"),
        _text("authorised_by"),
        _time("authorised_at"),
        _text("withdrawn_by", nullable=True),
        _time("withdrawn_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destinations")),
    )
    op.create_index(
        "uq_destinations_in_force",
        "destinations",
        ["tenant_id", "name"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "sent",
        *_tenant("sent"),
        _text("key"),
        _number("attempt"),
        *map(_text, ("connection_id", "stream", "destination_id", "place")),
        _number("body_bytes"),
        _text("digest", nullable=True),
        _texts("fields"),
        _time("began_at"),
        _time("ended_at", nullable=True),
        _text("outcome"),
        _text("detail", nullable=True),
        _texts("subject_keys"),
        _time("erased_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "key", "attempt", name=op.f("pk_sent")),
    )


def _make_stopping() -> None:
    op.create_table(
        "kill_switches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *_tenant("kill_switches"),
        _text("rule", nullable=True),
        _text("stopped_by"),
        _time("stopped_at"),
        _text("reason"),
        _text("lifted_by", nullable=True),
        _time("lifted_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kill_switches")),
    )
    op.create_index(
        "uq_kill_switches_in_force",
        "kill_switches",
        ["tenant_id", sa.text("coalesce(rule, '')")],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "breakers",
        *_tenant("breakers"),
        _text("rule"),
        *map(_number, ("actions_an_hour", "first_actions")),
        _text("set_by"),
        _time("set_at"),
        _text("approved_by", nullable=True),
        _time("approved_at", nullable=True),
        sa.Column("approved_version", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "rule", name=op.f("pk_breakers")),
    )


def _make_effects() -> None:
    op.create_table(
        "tags",
        *_tenant("tags"),
        *map(_text, ("message_id", "tag", "key", "connection_id", "stream", "rule")),
        _time("made_at"),
        _texts("subject_keys"),
        sa.PrimaryKeyConstraint("tenant_id", "message_id", "tag", name=op.f("pk_tags")),
    )
    op.create_table(
        "tasks",
        *_tenant("tasks"),
        *map(_text, ("key", "list_name", "title")),
        _text("note", nullable=True),
        *map(_text, ("message_id", "connection_id", "stream", "rule")),
        _time("made_at"),
        _texts("subject_keys"),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_tasks")),
    )


def _make_role() -> None:
    # As in 0006: roles belong to the whole server, and whether their maker may take one on shows
    # best by trying.
    op.execute(
        """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'coworker_dispatch') THEN
                CREATE ROLE coworker_dispatch NOLOGIN;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END $$
        """
    )
    op.execute(
        """
        DO $$ BEGIN
            SET LOCAL ROLE coworker_dispatch;
            RESET ROLE;
        EXCEPTION WHEN insufficient_privilege THEN
            GRANT coworker_dispatch TO CURRENT_USER;
        END $$
        """
    )


def _secure() -> None:
    """A run adds rows of its own tenant; whoever carries something out, of all of them."""
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} TO coworker_run "
            f"USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        for policy in ("control", "dispatch", "privacy"):
            op.execute(
                f"CREATE POLICY {policy} ON {table} TO coworker_{policy} "
                "USING (true) WITH CHECK (true)"
            )
    for role, rights in (
        ("coworker_run", RUN_MAY),
        ("coworker_dispatch", DISPATCH_MAY),
        ("coworker_control", CONTROL_MAY),
        ("coworker_privacy", PRIVACY_MAY),
    ):
        for table, may in rights.items():
            op.execute(f"GRANT {may} ON {table} TO {role}")
    version = sa.text("SELECT current_setting('server_version_num')::int")
    if op.get_bind().execute(version).scalar_one() >= MAINTAIN_SINCE:
        for table in PRIVACY_MAY:
            op.execute(f"GRANT MAINTAIN ON {table} TO coworker_privacy")
