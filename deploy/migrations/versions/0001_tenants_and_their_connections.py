"""Tenants and their connections, with row-level security."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RUN_MAY = {
    "connections": (
        "SELECT (id, tenant_id, name, handle, kind, settings, secret_reference, epoch, schedule, "
        "due_at, paused_at, catalog, limits, created_at)"
    ),
    "selections": "SELECT (id, tenant_id, connection_id, version, streams, made_at, applied_at)",
    "stream_states": "SELECT, INSERT, UPDATE",
    "syncs": "SELECT, INSERT, UPDATE",
    "sync_streams": "SELECT, INSERT, UPDATE",
    "pending_derivations": "SELECT, INSERT, DELETE",
    "rejected_records": "SELECT, INSERT, DELETE",
    "suppressed_keys": "SELECT",
}
"""Whole tables of a tenant's own rows, but for fingerprints of secrets and who selected what."""

CONTROL_MAY = {
    "tenants": "SELECT, INSERT, UPDATE",
    "connections": "SELECT, INSERT, UPDATE",
    # What was selected, by whom and when, is never changed.
    "selections": "SELECT, INSERT, UPDATE (applied_at)",
    "stream_states": "SELECT, INSERT, UPDATE, DELETE",
    "syncs": "SELECT, INSERT, UPDATE",
    "sync_streams": "SELECT, INSERT, UPDATE",
    "pending_derivations": "SELECT, INSERT, UPDATE, DELETE",
    "rejected_records": "SELECT, DELETE",
    "suppressed_keys": "SELECT, INSERT, DELETE",
}


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenants_slug")),
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("settings", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("secret_reference", sa.String(), nullable=False),
        sa.Column("secret_fingerprint", sa.String(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("schedule", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("catalog", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("limits", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_connections_tenant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("handle", name=op.f("uq_connections_handle")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_connections_tenant_id_id")),
    )
    op.create_index(
        "ix_connections_due_at",
        "connections",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("paused_at IS NULL"),
    )
    op.create_index(op.f("ix_connections_kind"), "connections", ["kind"], unique=False)
    op.create_table(
        "suppressed_keys",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_suppressed_keys_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_suppressed_keys")),
    )
    op.create_table(
        "pending_derivations",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("window", sa.Date(), nullable=False),
        sa.Column("sync_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connections.tenant_id", "connections.id"],
            name=op.f("fk_pending_derivations_tenant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint(
            "connection_id", "stream", "window", "sync_id", name=op.f("pk_pending_derivations")
        ),
    )
    op.create_table(
        "rejected_records",
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("window", sa.Date(), nullable=False),
        sa.Column("sync_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connections.tenant_id", "connections.id"],
            name=op.f("fk_rejected_records_tenant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("connection_id", "id", name=op.f("pk_rejected_records")),
    )
    op.create_table(
        "selections",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("streams", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connections.tenant_id", "connections.id"],
            name=op.f("fk_selections_tenant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selections")),
        sa.UniqueConstraint(
            "connection_id", "version", name=op.f("uq_selections_connection_id_version")
        ),
    )
    op.create_table(
        "stream_states",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("window", sa.Date(), nullable=False),
        sa.Column("cursor", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("selection_version", sa.Integer(), nullable=False),
        sa.Column("written_sync", sa.String(), nullable=True),
        sa.Column("segments_confirmed", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("read", sa.BigInteger(), nullable=False),
        sa.Column("indexed", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("suppressed", sa.BigInteger(), nullable=False),
        sa.Column("filtered", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connections.tenant_id", "connections.id"],
            name=op.f("fk_stream_states_tenant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("connection_id", "stream", "window", name=op.f("pk_stream_states")),
    )
    op.create_index(
        "ix_stream_states_open",
        "stream_states",
        ["connection_id", "window"],
        unique=False,
        postgresql_where=sa.text("NOT complete"),
    )
    op.create_table(
        "syncs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("windows", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connections.tenant_id", "connections.id"],
            name=op.f("fk_syncs_tenant_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_syncs")),
        sa.UniqueConstraint("run_id", name=op.f("uq_syncs_run_id")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_syncs_tenant_id_id")),
    )
    op.create_index(
        "ix_syncs_connection_id_started_at", "syncs", ["connection_id", "started_at"], unique=False
    )
    op.create_index("ix_syncs_started_at", "syncs", ["started_at"], unique=False)
    op.create_table(
        "sync_streams",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("sync_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("window", sa.Date(), nullable=False),
        sa.Column("activities", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("raw_bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("read", sa.BigInteger(), nullable=False),
        sa.Column("indexed", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("suppressed", sa.BigInteger(), nullable=False),
        sa.Column("filtered", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sync_id"],
            ["syncs.tenant_id", "syncs.id"],
            name=op.f("fk_sync_streams_tenant_id_sync_id"),
        ),
        sa.PrimaryKeyConstraint("sync_id", "stream", "window", name=op.f("pk_sync_streams")),
    )
    _make_roles()
    _secure()


def downgrade() -> None:
    """Tables take their policies and grants along; the roles may serve another database."""
    op.drop_table("sync_streams")
    op.drop_index("ix_syncs_started_at", table_name="syncs")
    op.drop_index("ix_syncs_connection_id_started_at", table_name="syncs")
    op.drop_table("syncs")
    op.drop_index(
        "ix_stream_states_open",
        table_name="stream_states",
        postgresql_where=sa.text("NOT complete"),
    )
    op.drop_table("stream_states")
    op.drop_table("selections")
    op.drop_table("rejected_records")
    op.drop_table("pending_derivations")
    op.drop_table("suppressed_keys")
    op.drop_index(op.f("ix_connections_kind"), table_name="connections")
    op.drop_index(
        "ix_connections_due_at",
        table_name="connections",
        postgresql_where=sa.text("paused_at IS NULL"),
    )
    op.drop_table("connections")
    op.drop_table("tenants")


def _make_roles() -> None:
    """Roles belong to the whole server, so another database may have made them before.

    Since Postgres 16 who makes a role may not take it on without a grant to himself; whether
    that is needed shows best by taking it on.
    """
    for role in ("coworker_run", "coworker_control"):
        op.execute(
            f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} NOLOGIN;
                END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END $$
            """
        )
        op.execute(
            f"""
            DO $$ BEGIN
                SET LOCAL ROLE {role};
                RESET ROLE;
            EXCEPTION WHEN insufficient_privilege THEN
                GRANT {role} TO CURRENT_USER;
            END $$
            """
        )


def _secure() -> None:
    """A run sees and writes the rows of the tenant that its session names; nothing without one."""
    for table in RUN_MAY:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} TO coworker_run "
            "USING (tenant_id = current_setting('coworker.tenant', true)) "
            "WITH CHECK (tenant_id = current_setting('coworker.tenant', true))"
        )
        op.execute(
            f"CREATE POLICY control ON {table} TO coworker_control USING (true) WITH CHECK (true)"
        )
    for role, may in (("coworker_run", RUN_MAY), ("coworker_control", CONTROL_MAY)):
        for table, rights in may.items():
            op.execute(f"GRANT {rights} ON {table} TO {role}")
