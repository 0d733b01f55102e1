"""How long data stays: policies, holds, and the marks of what was swept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

RUN_MAY = {
    "retention_policies": (
        "SELECT (id, tenant_id, connection_id, stream, basis, age_days, age_months, grace_days, "
        "made_at)"
    ),
    "holds": (
        "SELECT (id, tenant_id, connection_id, stream, since, until, review_at, released_at, "
        "placed_at)"
    ),
    "swept_documents": "SELECT",
}
"""What a run keeps out and leaves alone, and not who decided it or why."""

CONTROL_MAY = {
    # Who set which policy, and when, is never changed.
    "retention_policies": "SELECT, INSERT",
    "holds": "SELECT, INSERT, UPDATE (released_at, released_by, release_reason)",
    "swept_documents": "SELECT",
}
PRIVACY_MAY = {
    # Sweeps read them; they go with their tenant or connection.
    "retention_policies": "SELECT, DELETE",
    "holds": "SELECT, DELETE",
    "swept_documents": "SELECT, INSERT, DELETE",
}
MAINTAIN_SINCE = 170_000
"""What is removed leaves dead rows; to clear them away is a right of its own since Postgres 17."""


def upgrade() -> None:
    op.create_table(
        "retention_policies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=True),
        sa.Column("stream", sa.String(), nullable=True),
        sa.Column("basis", sa.String(), nullable=True),
        sa.Column("age_days", sa.Integer(), nullable=True),
        sa.Column("age_months", sa.Integer(), nullable=True),
        sa.Column("grace_days", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_retention_policies_tenant_id")
        ),
        _of_connection("retention_policies"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_policies")),
    )
    op.create_index("ix_retention_policies_tenant_id", "retention_policies", ["tenant_id"])
    op.create_table(
        "holds",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=True),
        sa.Column("stream", sa.String(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_at", sa.Date(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("matter", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.Column("release_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_holds_tenant_id")),
        _of_connection("holds"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_tenant_id", "holds", ["tenant_id"])
    op.create_table(
        "swept_documents",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        _of_connection("swept_documents"),
        sa.PrimaryKeyConstraint("connection_id", "stream", "mark", name=op.f("pk_swept_documents")),
    )
    # Which holds a look at raw data met; null where it met none.
    op.add_column(
        "document_readings",
        sa.Column("under_holds", postgresql.JSONB(none_as_null=True), nullable=True),
    )
    _secure()


def downgrade() -> None:
    op.drop_column("document_readings", "under_holds")
    op.drop_table("swept_documents")
    op.drop_index("ix_holds_tenant_id", table_name="holds")
    op.drop_table("holds")
    op.drop_index("ix_retention_policies_tenant_id", table_name="retention_policies")
    op.drop_table("retention_policies")


def _of_connection(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "connection_id"],
        ["connections.tenant_id", "connections.id"],
        name=op.f(f"fk_{table}_tenant_id_connection_id"),
    )


def _secure() -> None:
    """A run sees the rows of the tenant that its session names, and changes none."""
    for table in RUN_MAY:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} FOR SELECT TO coworker_run "
            "USING (tenant_id = (SELECT coworker_tenant()))"
        )
        op.execute(
            f"CREATE POLICY control ON {table} TO coworker_control USING (true) WITH CHECK (true)"
        )
        op.execute(
            f"CREATE POLICY privacy ON {table} TO coworker_privacy USING (true) WITH CHECK (true)"
        )
    for role, may in (
        ("coworker_run", RUN_MAY),
        ("coworker_control", CONTROL_MAY),
        ("coworker_privacy", PRIVACY_MAY),
    ):
        for table, rights in may.items():
            op.execute(f"GRANT {rights} ON {table} TO {role}")
    version = sa.text("SELECT current_setting('server_version_num')::int")
    if op.get_bind().execute(version).scalar_one() >= MAINTAIN_SINCE:
        for table in PRIVACY_MAY:
            op.execute(f"GRANT MAINTAIN ON {table} TO coworker_privacy")
