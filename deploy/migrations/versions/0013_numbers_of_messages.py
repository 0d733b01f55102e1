"""How far a connection's messages are numbered."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who may read and write a sync may do so with its number; no grant is added."""
    op.add_column(
        "syncs",
        sa.Column("last_sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("syncs", "last_sequence")
