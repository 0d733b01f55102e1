"""Rounds of decisions, catch-ups, and what a run has to know of activations for them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MAINTAIN_SINCE = 170_000
TENANT = "(SELECT coworker_tenant())"
ROUNDS, CATCH_UPS = "decision_rounds", "catch_ups"
RIGHTS = (
    (
        "coworker_run",
        ROUNDS,
        "SELECT, INSERT, UPDATE (decided_at, rule_set, reason, messages, passed_over)",
    ),
    # Since when a rule is active decides what is history for it; who switched it is nothing to it.
    ("coworker_run", "rule_activations", "SELECT (made_at)"),
    # A deselection takes a stream's rounds along; a catch-up is ordered, and its end noted.
    ("coworker_control", ROUNDS, "SELECT, DELETE"),
    ("coworker_control", CATCH_UPS, "SELECT, INSERT, UPDATE (decisions, actions, done_at)"),
    ("coworker_privacy", ROUNDS, "SELECT, DELETE"),
    ("coworker_privacy", CATCH_UPS, "SELECT, DELETE"),
)
OF_SYNCS = ("decisions", "actions")


def upgrade() -> None:
    _make_rounds()
    _make_catch_ups()
    for column in OF_SYNCS:
        op.add_column(
            "sync_streams",
            sa.Column(column, sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        )
        op.alter_column("sync_streams", column, server_default=None)
    op.create_index(
        "ix_decisions_decided_at", "decisions", ["tenant_id", "decided_at"], unique=False
    )
    _secure()


def downgrade() -> None:
    """Tables take their indices, policies and grants along."""
    op.execute("REVOKE SELECT (made_at) ON rule_activations FROM coworker_run")
    op.drop_index("ix_decisions_decided_at", table_name="decisions")
    for column in OF_SYNCS:
        op.drop_column("sync_streams", column)
    op.drop_table(CATCH_UPS)
    op.drop_table(ROUNDS)


def _make_rounds() -> None:
    op.create_table(
        ROUNDS,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("window", sa.Date(), nullable=False),
        sa.Column("sync_id", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rule_set", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("passed_over", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connections.tenant_id", "connections.id"],
            name=op.f("fk_decision_rounds_tenant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint(
            "connection_id", "stream", "window", "sync_id", name=op.f("pk_decision_rounds")
        ),
    )
    op.create_index(
        "ix_decision_rounds_waiting",
        ROUNDS,
        ["connection_id"],
        unique=False,
        postgresql_where=sa.text("decided_at IS NULL"),
    )


def _make_catch_ups() -> None:
    op.create_table(
        CATCH_UPS,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("rules", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("rule_set", sa.String(), nullable=False),
        sa.Column("connections", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previewed", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("ordered_by", sa.String(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decisions", sa.BigInteger(), nullable=False),
        sa.Column("actions", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_catch_ups_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catch_ups")),
    )
    op.create_index("ix_catch_ups_tenant_id", CATCH_UPS, ["tenant_id", "ordered_at"], unique=False)


def _secure() -> None:
    """A run sees and adds rows of its own tenant; whoever carries out orders, of all of them."""
    for table in (ROUNDS, CATCH_UPS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # As in 0002: a session names its tenant, and proves it by the tenant's pass.
        op.execute(
            f"CREATE POLICY tenant ON {table} TO coworker_run "
            f"USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        for policy in ("control", "privacy"):
            op.execute(
                f"CREATE POLICY {policy} ON {table} TO coworker_{policy} "
                "USING (true) WITH CHECK (true)"
            )
    for role, table, may in RIGHTS:
        op.execute(f"GRANT {may} ON {table} TO {role}")
    version = sa.text("SELECT current_setting('server_version_num')::int")
    if op.get_bind().execute(version).scalar_one() >= MAINTAIN_SINCE:
        for table in (ROUNDS, CATCH_UPS):
            op.execute(f"GRANT MAINTAIN ON {table} TO coworker_privacy")
