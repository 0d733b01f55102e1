"""Authorisations by OAuth: who let us in, what for, until when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oauth_grants",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("authorised_by", sa.String(), nullable=False),
        sa.Column("authorised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connections.tenant_id", "connections.id"],
            name=op.f("fk_oauth_grants_tenant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_grants")),
    )
    op.create_index(
        "ix_oauth_grants_connection_id",
        "oauth_grants",
        ["connection_id", "authorised_at"],
        unique=False,
    )
    op.create_index(
        "ix_oauth_grants_due_at",
        "oauth_grants",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "uq_oauth_grants_active",
        "oauth_grants",
        ["connection_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    _secure()


def downgrade() -> None:
    op.drop_table("oauth_grants")


def _secure() -> None:
    """A run has its token from its mount; how tokens are got is nothing to it."""
    op.execute("ALTER TABLE oauth_grants ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE oauth_grants FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY control ON oauth_grants TO coworker_control USING (true) WITH CHECK (true)"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON oauth_grants TO coworker_control")
