"""Accounts and their secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("models", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    enabled = sa.text("disabled_at IS NULL")
    op.create_index(
        "uq_accounts_name", "accounts", ["name"], unique=True, sqlite_where=enabled, postgresql_where=enabled
    )
    op.create_table(
        "secrets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_secrets_account_id"),
        sa.UniqueConstraint("hash", name="uq_secrets_hash"),
    )
    op.create_index("ix_secrets_account_id", "secrets", ["account_id"])
