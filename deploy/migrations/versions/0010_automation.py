"""Rules and decisions: added to, never changed, but for what an erasure empties."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MAINTAIN_SINCE = 170_000
TENANT = "(SELECT coworker_tenant())"
TABLES = ("rule_versions", "rule_activations", "rule_sets", "decision_chains", "decisions")
RUN_MAY = {
    # A run needs to know what is in force, and not who wrote or switched it.
    "rule_versions": "SELECT (tenant_id, rule, version, digest, content)",
    "rule_activations": "SELECT (id, tenant_id, rule, version, digest)",
    "rule_sets": "SELECT, INSERT",
    "decision_chains": "SELECT, INSERT, UPDATE (length, head)",
    "decisions": "SELECT, INSERT",
}
CONTROL_MAY = {
    "rule_versions": "SELECT, INSERT",
    "rule_activations": "SELECT, INSERT",
    "rule_sets": "SELECT, INSERT",
    "decision_chains": "SELECT",
    "decisions": "SELECT",
}
PRIVACY_MAY = {
    "rule_versions": "SELECT, DELETE",
    "rule_activations": "SELECT, DELETE",
    "rule_sets": "SELECT, DELETE",
    "decision_chains": "SELECT, DELETE",
    "decisions": "SELECT, UPDATE (personal, salt, subject_keys, erased_at), DELETE",
}


def upgrade() -> None:
    _make_rules()
    _make_decisions()
    _secure()


def downgrade() -> None:
    """Tables take their policies and grants along."""
    op.drop_index("ix_decisions_subject_keys", table_name="decisions", postgresql_using="gin")
    op.drop_index("ix_decisions_tenant_id_message_id", table_name="decisions")
    op.drop_index("ix_decisions_tenant_id_connection_id", table_name="decisions")
    op.drop_table("decisions")
    op.drop_table("decision_chains")
    op.drop_table("rule_sets")
    op.drop_index("ix_rule_activations_tenant_id_rule", table_name="rule_activations")
    op.drop_table("rule_activations")
    op.drop_table("rule_versions")


def _tenant(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
    )


def _make_rules() -> None:
    op.create_table(
        "rule_versions",
        *_tenant("rule_versions"),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "rule", "version", name=op.f("pk_rule_versions")),
    )
    op.create_table(
        "rule_activations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *_tenant("rule_activations"),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_activations")),
    )
    op.create_index(
        "ix_rule_activations_tenant_id_rule",
        "rule_activations",
        ["tenant_id", "rule", "id"],
        unique=False,
    )
    op.create_table(
        "rule_sets",
        *_tenant("rule_sets"),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("members", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "digest", name=op.f("pk_rule_sets")),
    )


def _make_decisions() -> None:
    op.create_table(
        "decision_chains",
        *_tenant("decision_chains"),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_decision_chains")),
    )
    op.create_table(
        "decisions",
        *_tenant("decisions"),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("rule_set", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("open", sa.LargeBinary(), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject_keys", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "sequence", name=op.f("pk_decisions")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_decisions_tenant_id_id")),
    )
    for name, columns in (
        ("ix_decisions_tenant_id_message_id", ["tenant_id", "message_id"]),
        ("ix_decisions_tenant_id_connection_id", ["tenant_id", "connection_id", "stream"]),
    ):
        op.create_index(name, "decisions", columns, unique=False)
    op.create_index(
        "ix_decisions_subject_keys",
        "decisions",
        ["subject_keys"],
        unique=False,
        postgresql_using="gin",
    )


def _secure() -> None:
    """A run sees and adds rows of its own tenant; whoever carries out orders, of all of them."""
    for table in TABLES:
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
    for role, rights in (
        ("coworker_run", RUN_MAY),
        ("coworker_control", CONTROL_MAY),
        ("coworker_privacy", PRIVACY_MAY),
    ):
        for table, may in rights.items():
            op.execute(f"GRANT {may} ON {table} TO {role}")
    version = sa.text("SELECT current_setting('server_version_num')::int")
    if op.get_bind().execute(version).scalar_one() >= MAINTAIN_SINCE:
        for table in PRIVACY_MAY:
            op.execute(f"GRANT MAINTAIN ON {table} TO coworker_privacy")
