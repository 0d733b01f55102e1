"""A pass for each tenant, keys that expire, and connections that need attention."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    "connections",
    "selections",
    "stream_states",
    "syncs",
    "sync_streams",
    "pending_derivations",
    "rejected_records",
    "suppressed_keys",
)
RUN_MAY_READ = "key_expires_at, needs_attention, needs_attention_at"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("key_salt", sa.String(), nullable=True))
    op.add_column("tenants", sa.Column("pass_digest", sa.LargeBinary(), nullable=True))
    op.drop_column("connections", "secret_reference")
    op.add_column("connections", sa.Column("secrets_changed_at", sa.DateTime(timezone=True)))
    op.add_column("connections", sa.Column("key_expires_at", sa.DateTime(timezone=True)))
    op.add_column("connections", sa.Column("needs_attention", sa.String()))
    op.add_column("connections", sa.Column("needs_attention_at", sa.DateTime(timezone=True)))
    op.create_index(op.f("ix_connections_key_expires_at"), "connections", ["key_expires_at"])
    op.execute(f"GRANT SELECT ({RUN_MAY_READ}) ON connections TO coworker_run")
    # With the rights of its owner, since a run may not look at the digests itself.
    op.execute(
        """
        CREATE FUNCTION coworker_tenant() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
        BEGIN ATOMIC
            SELECT id FROM tenants
            WHERE id = current_setting('coworker.tenant', true)
            AND pass_digest = sha256(convert_to(current_setting('coworker.pass', true), 'UTF8'));
        END
        """
    )
    _let_in("(SELECT coworker_tenant())")


def downgrade() -> None:
    _let_in("current_setting('coworker.tenant', true)")
    op.execute("DROP FUNCTION coworker_tenant()")
    op.drop_index(op.f("ix_connections_key_expires_at"), table_name="connections")
    for column in ("needs_attention_at", "needs_attention", "key_expires_at", "secrets_changed_at"):
        op.drop_column("connections", column)
    op.add_column("connections", sa.Column("secret_reference", sa.String(), nullable=True))
    op.execute("UPDATE connections SET secret_reference = 'source/' || tenant_id || '/' || id")
    op.alter_column("connections", "secret_reference", nullable=False)
    op.execute("GRANT SELECT (secret_reference) ON connections TO coworker_run")
    op.drop_column("tenants", "pass_digest")
    op.drop_column("tenants", "key_salt")


def _let_in(tenant: str) -> None:
    """In a subquery, so that the pass is looked at once for each statement, not for each row."""
    for table in TABLES:
        op.execute(
            f"ALTER POLICY tenant ON {table} "
            f"USING (tenant_id = {tenant}) WITH CHECK (tenant_id = {tenant})"
        )
