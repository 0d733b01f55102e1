"""A role that finds connections: it reads whose a connection is, and nothing else."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MAY_READ = "id, tenant_id, handle, kind, epoch"


def upgrade() -> None:
    # Roles belong to the whole server, so another database may have made it before. Whether its
    # maker may take it on shows best by trying (see 0001).
    op.execute(
        """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'coworker_locator') THEN
                CREATE ROLE coworker_locator NOLOGIN;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END $$
        """
    )
    op.execute(
        """
        DO $$ BEGIN
            SET LOCAL ROLE coworker_locator;
            RESET ROLE;
        EXCEPTION WHEN insufficient_privilege THEN
            GRANT coworker_locator TO CURRENT_USER;
        END $$
        """
    )
    op.execute("CREATE POLICY locator ON connections FOR SELECT TO coworker_locator USING (true)")
    op.execute(f"GRANT SELECT ({MAY_READ}) ON connections TO coworker_locator")


def downgrade() -> None:
    op.execute(f"REVOKE SELECT ({MAY_READ}) ON connections FROM coworker_locator")
    op.execute("DROP POLICY locator ON connections")
