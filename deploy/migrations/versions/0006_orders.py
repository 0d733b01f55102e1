"""Orders to remove data, and the role that carries them out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MAINTAIN_SINCE = 170_000
OWN = ("orders", "order_targets")
WITH_ROW_SECURITY = (
    "connections",
    "selections",
    "stream_states",
    "syncs",
    "sync_streams",
    "pending_derivations",
    "rejected_records",
    "suppressed_keys",
    "oauth_grants",
    "document_readings",
)
PRIVACY_MAY = {
    "tenants": "SELECT, DELETE",
    # A writer is shut out by its connection's epoch, and nothing is begun for it any more.
    "connections": "SELECT, UPDATE (epoch, due_at, paused_at, key_expires_at), DELETE",
    "selections": "SELECT, DELETE",
    "stream_states": "SELECT, DELETE",
    "syncs": "SELECT, DELETE",
    "sync_streams": "SELECT, DELETE",
    "pending_derivations": "SELECT, DELETE",
    "rejected_records": "SELECT, DELETE",
    "suppressed_keys": "SELECT, DELETE",
    "oauth_grants": "SELECT, DELETE",
    "document_readings": "SELECT, UPDATE (sealed_key), DELETE",
    "orders": "SELECT, INSERT, UPDATE",
    "order_targets": "SELECT, INSERT, UPDATE",
}
RUN_MAY = {
    # That something is under an order, and not who ordered it or why.
    "orders": "SELECT (id, kind, tenant_id, connection_id, stream, state)",
}
CONTROL_MAY = {
    "orders": "SELECT, INSERT, UPDATE",
    "order_targets": "SELECT",
}


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=True),
        sa.Column("stream", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("preview", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("preview_digest", sa.String(), nullable=True),
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reach", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index(
        "uq_orders_open_deletion",
        "orders",
        ["tenant_id", sa.text("coalesce(connection_id, '')"), sa.text("coalesce(stream, '')")],
        unique=True,
        postgresql_where=sa.text("kind = 'deletion' AND state NOT IN ('done', 'withdrawn')"),
    )
    op.create_index(
        "ix_orders_due_at",
        "orders",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_orders_tenant_id", "orders", ["tenant_id"], unique=False)
    op.create_table(
        "order_targets",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("masked", sa.BigInteger(), nullable=False),
        sa.Column("left_first", sa.BigInteger(), nullable=True),
        sa.Column("left_second", sa.BigInteger(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_targets_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "target", name=op.f("pk_order_targets")),
    )
    _make_role()
    _secure()


def downgrade() -> None:
    """The role may serve another database; here it has nothing any more."""
    for table in WITH_ROW_SECURITY:
        op.execute(f"DROP POLICY privacy ON {table}")
    op.drop_table("order_targets")
    op.drop_table("orders")
    for table in PRIVACY_MAY:
        if table not in OWN:
            op.execute(f"REVOKE ALL ON {table} FROM coworker_privacy")


def _make_role() -> None:
    # Roles belong to the whole server, so another database may have made it before. Whether its
    # maker may take it on shows best by trying (see 0001).
    op.execute(
        """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'coworker_privacy') THEN
                CREATE ROLE coworker_privacy NOLOGIN;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END $$
        """
    )
    op.execute(
        """
        DO $$ BEGIN
            SET LOCAL ROLE coworker_privacy;
            RESET ROLE;
        EXCEPTION WHEN insufficient_privilege THEN
            GRANT coworker_privacy TO CURRENT_USER;
        END $$
        """
    )


def _secure() -> None:
    """Whoever carries out orders sees all tenants, and adds nothing to any of them."""
    for table in OWN:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY control ON {table} TO coworker_control USING (true) WITH CHECK (true)"
        )
    for table in (*OWN, *WITH_ROW_SECURITY):
        op.execute(
            f"CREATE POLICY privacy ON {table} TO coworker_privacy USING (true) WITH CHECK (true)"
        )
    op.execute(
        "CREATE POLICY tenant ON orders FOR SELECT TO coworker_run "
        "USING (tenant_id = (SELECT coworker_tenant()))"
    )
    for role, rights in (
        ("coworker_privacy", PRIVACY_MAY),
        ("coworker_control", CONTROL_MAY),
        ("coworker_run", RUN_MAY),
    ):
        for table, may in rights.items():
            op.execute(f"GRANT {may} ON {table} TO {role}")
    # What is removed leaves dead rows behind, and to clear them away is a right of its own, which
    # Postgres has since 17; before, its owner has to.
    version = sa.text("SELECT current_setting('server_version_num')::int")
    if op.get_bind().execute(version).scalar_one() >= MAINTAIN_SINCE:
        for table in PRIVACY_MAY:
            op.execute(f"GRANT MAINTAIN ON {table} TO coworker_privacy")
