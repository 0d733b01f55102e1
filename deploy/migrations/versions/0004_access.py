"""Reviews of access, and the record of who read raw documents: added to, never changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("access_reviews", "document_readings")


def upgrade() -> None:
    op.create_table(
        "access_reviews",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report_digest", sa.String(), nullable=False),
        sa.Column("grants", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("accepted", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("to_change", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_reviews")),
    )
    op.create_index(
        op.f("ix_access_reviews_reviewed_at"), "access_reviews", ["reviewed_at"], unique=False
    )
    # Without a reference to the connection: the record outlives what it tells of.
    op.create_table(
        "document_readings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_readings")),
    )
    op.create_index(
        "ix_document_readings_tenant_id_at", "document_readings", ["tenant_id", "at"], unique=False
    )
    op.execute("ALTER TABLE document_readings ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE document_readings FORCE ROW LEVEL SECURITY")
    # No policy lets anybody update or delete, and none is a run's.
    op.execute(
        "CREATE POLICY control_reads ON document_readings FOR SELECT TO coworker_control "
        "USING (true)"
    )
    op.execute(
        "CREATE POLICY control_adds ON document_readings FOR INSERT TO coworker_control "
        "WITH CHECK (true)"
    )
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO coworker_control")


def downgrade() -> None:
    op.drop_index("ix_document_readings_tenant_id_at", table_name="document_readings")
    op.drop_table("document_readings")
    op.drop_index(op.f("ix_access_reviews_reviewed_at"), table_name="access_reviews")
    op.drop_table("access_reviews")
