"""Receipts, suppressions with an extent and a life, and the journal of what was ordered."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MAINTAIN_SINCE = 170_000
OWN = ("suppressions", "suppressed_keys", "receipts", "journal_entries")
MAY = {
    "coworker_run": {
        # A run reads what it has to leave out, and not who ordered that and why.
        "suppressions": "SELECT (id, tenant_id, connection_id, stream, generation)",
        "suppressed_keys": "SELECT",
    },
    "coworker_control": {
        "suppressions": "SELECT, INSERT, UPDATE",
        "suppressed_keys": "SELECT, INSERT, DELETE",
        "receipts": "SELECT",
        "journal_entries": "SELECT, INSERT, UPDATE (published, done_at)",
    },
    # A receipt is never changed and never goes: not even with its tenant.
    "coworker_privacy": {
        "suppressions": "SELECT, INSERT, UPDATE, DELETE",
        "suppressed_keys": "SELECT, INSERT, DELETE",
        "receipts": "SELECT, INSERT",
        "journal_entries": "SELECT, INSERT, UPDATE (published, done_at)",
    },
}


def upgrade() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=True),
        sa.Column("stream", sa.String(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lift_reason", sa.String(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_suppressions_tenant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("order_id", name=op.f("uq_suppressions_order_id")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_suppressions_tenant_id_id")),
    )
    op.create_index(
        "ix_suppressions_tenant_id_generation", "suppressions", ["tenant_id", "generation"]
    )
    op.rename_table("suppressed_keys", "suppressed_keys_before")
    op.execute("ALTER INDEX pk_suppressed_keys RENAME TO pk_suppressed_keys_before")
    op.create_table(
        "suppressed_keys",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("suppression_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "suppression_id"],
            ["suppressions.tenant_id", "suppressions.id"],
            name=op.f("fk_suppressed_keys_tenant_id_suppression_id"),
        ),
        sa.PrimaryKeyConstraint(
            *("tenant_id", "kind", "connection_id", "stream", "key", "suppression_id"),
            name=op.f("pk_suppressed_keys"),
        ),
    )
    op.create_index("ix_suppressed_keys_suppression_id", "suppressed_keys", ["suppression_id"])
    op.create_table(
        "receipts",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_receipts")),
        sa.UniqueConstraint("order_id", name=op.f("uq_receipts_order_id")),
    )
    op.create_table(
        "journal_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal_entries")),
    )
    op.create_index("ix_journal_entries_order_id", "journal_entries", ["order_id"])
    _keep_what_was_suppressed()
    _secure()


def downgrade() -> None:
    """Keys go back to the list they came from, which knew no extent and no order."""
    op.drop_index("ix_journal_entries_order_id", table_name="journal_entries")
    op.drop_table("journal_entries")
    op.drop_table("receipts")
    op.rename_table("suppressed_keys", "suppressed_keys_after")
    op.execute("ALTER INDEX pk_suppressed_keys RENAME TO pk_suppressed_keys_after")
    op.create_table(
        "suppressed_keys",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_suppressed_keys_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_suppressed_keys")),
    )
    op.execute(
        "INSERT INTO suppressed_keys SELECT DISTINCT tenant_id, encode(key, 'hex') "
        "FROM suppressed_keys_after WHERE kind = 'person'"
    )
    op.drop_table("suppressed_keys_after")
    op.drop_index("ix_suppressions_tenant_id_generation", table_name="suppressions")
    op.drop_table("suppressions")
    _let_in("suppressed_keys", "tenant", "coworker_run")
    for role in ("control", "privacy"):
        _let_in("suppressed_keys", role, f"coworker_{role}")
    op.execute("GRANT SELECT ON suppressed_keys TO coworker_run")
    op.execute("GRANT SELECT, INSERT, DELETE ON suppressed_keys TO coworker_control")
    op.execute("GRANT SELECT, DELETE ON suppressed_keys TO coworker_privacy")
    _maintain("suppressed_keys")


def _keep_what_was_suppressed() -> None:
    """Each tenant's keys so far become one suppression, of an order that nobody wrote down."""
    op.execute(
        "INSERT INTO suppressions (id, tenant_id, generation, reason, made_by, made_at) "
        "SELECT 'u' || substr(tenant_id, 2), tenant_id, 1, "
        "'suppressed before orders were kept', 'unknown', now() "
        "FROM (SELECT DISTINCT tenant_id FROM suppressed_keys_before) AS before"
    )
    op.execute(
        "INSERT INTO suppressed_keys "
        "SELECT tenant_id, 'person', '', '', decode(key, 'hex'), 'u' || substr(tenant_id, 2) "
        "FROM suppressed_keys_before"
    )
    op.drop_table("suppressed_keys_before")


def _secure() -> None:
    """Runs see what holds for their tenant; nobody but the privacy role makes a receipt."""
    for table in OWN:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for role in ("control", "privacy"):
            _let_in(table, role, f"coworker_{role}", secured=True)
    for table in ("suppressions", "suppressed_keys"):
        _let_in(table, "tenant", "coworker_run", secured=True)
    for role, rights in MAY.items():
        for table, may in rights.items():
            op.execute(f"GRANT {may} ON {table} TO {role}")
    for table in OWN:
        _maintain(table)


def _let_in(table: str, policy: str, role: str, *, secured: bool = False) -> None:
    if not secured:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    which = "tenant_id = (SELECT coworker_tenant())" if policy == "tenant" else "true"
    op.execute(f"CREATE POLICY {policy} ON {table} TO {role} USING ({which}) WITH CHECK ({which})")


def _maintain(table: str) -> None:
    # To clear away dead rows is a right of its own since Postgres 17 (see 0006).
    version = sa.text("SELECT current_setting('server_version_num')::int")
    if op.get_bind().execute(version).scalar_one() >= MAINTAIN_SINCE:
        op.execute(f"GRANT MAINTAIN ON {table} TO coworker_privacy")
