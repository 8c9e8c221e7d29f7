"""Every table, as the newest migration leaves it.

An account is who calls; limits and money will belong to it. A secret is one key of an account: rotation adds
one, disabling the account ends all of them at once.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)


class Timestamp(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC: SQLite has no time zones, PostgreSQL does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC))


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),  # 128 random bits in hex, never used again
    Column("name", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp),
    Column("disabled_at", Timestamp),
    Column("models", Text),  # patterns such as `google/*`, separated by spaces; null: every model
)

Index(
    "uq_accounts_name",
    accounts.c.name,
    unique=True,
    # A disabled account gives its name free, so that `ci` can be replaced by another `ci`.
    sqlite_where=text("disabled_at IS NULL"),
    postgresql_where=text("disabled_at IS NULL"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("id", Text, primary_key=True),  # the key's public part; see accounts/secrets.py
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("hash", LargeBinary, nullable=False, unique=True),  # SHA-256 of the whole key, 32 bytes
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp),  # ends this key alone, e.g. the older one after a rotation
)
