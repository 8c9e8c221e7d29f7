"""Limits and budgets of accounts, and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

LIVE = sa.text("state IN ('queued', 'rendering')")


def upgrade() -> None:
    _extend_accounts()
    _create_requests()
    _create_attempts()
    _create_counts()
    op.create_table(
        "processes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )


def _extend_accounts() -> None:
    for column in (
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.Column("rpm", sa.Integer()),
        sa.Column("images_per_minute", sa.Integer()),
        sa.Column("concurrent", sa.Integer()),
        sa.Column("body_bytes", sa.BigInteger()),
        sa.Column("model_limits", sa.Text()),
        sa.Column("budget", sa.BigInteger()),
        sa.Column("budget_period", sa.Text()),
        sa.Column("provider_ids_allowed", sa.Boolean()),
        sa.Column("on_disconnect", sa.Text()),
        sa.Column("recover", sa.Text()),
        sa.Column("store", sa.Boolean()),
        sa.Column("last_seen", sa.BigInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("accounts", column)


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text()),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("flags", sa.Text(), nullable=False, server_default=""),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("estimate", sa.BigInteger()),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("possible", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text()),
        sa.Column("on_disconnect", sa.Text()),
        sa.Column("collected_at", sa.DateTime(timezone=True)),
        sa.Column("key_hash", sa.LargeBinary()),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("fingerprint_version", sa.Integer()),
        sa.Column("rerun_of", sa.Text()),
        sa.Column("body_state", sa.Text()),
        sa.Column("body_reference", sa.Text()),
        sa.Column("body_bytes", sa.BigInteger()),
        sa.Column("body_sha256", sa.LargeBinary()),
        sa.Column("body_expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_requests_account_id"),
    )
    _index("uq_requests_key", ["account_id", "key_hash"], sa.text("key_hash IS NOT NULL"), unique=True)
    _index("ix_requests_live", ["account_id", "owner"], LIVE)
    _index("ix_requests_attached", ["holder"], sa.text("delivery = 'attached'"))
    _index("ix_requests_fingerprint", ["account_id", "fingerprint"], sa.text("fingerprint IS NOT NULL"))
    op.create_index("ix_requests_created_at", "requests", ["created_at", "id"])


def _index(name: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, "requests", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("upstream", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text()),
        sa.Column("spent", sa.Text(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("tier", sa.Text()),
        sa.Column("text_in", sa.Integer()),
        sa.Column("cached_text_in", sa.Integer()),
        sa.Column("image_in", sa.Integer()),
        sa.Column("cached_image_in", sa.Integer()),
        sa.Column("text_out", sa.Integer()),
        sa.Column("image_out", sa.Integer()),
        sa.Column("thinking", sa.Integer()),
        sa.Column("cost", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("lines", sa.Text()),
        sa.Column("flags", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("request_id", "number", name="pk_attempts"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_attempts_request_id"),
    )


def _create_counts() -> None:
    op.create_table(
        "counters",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("possible", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "period", name="pk_counters"),
    )
    op.create_table(
        "windows",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("second", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "models", "second", name="pk_windows"),
    )
