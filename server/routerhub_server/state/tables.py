"""Every table, as the newest migration leaves it.

An account is who calls; limits and money belong to it. A secret is one key of an account: rotation adds one,
disabling the account ends all of them at once.

A request is one admitted intention to buy, an attempt one call of a provider for it. Money is in integers of
1e-9 of the currency's unit.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
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
    Column("deleted_at", Timestamp),  # the row stays: its id is never used again, and money refers to it
    # Limits; null: none.
    Column("rpm", Integer),
    Column("images_per_minute", Integer),
    Column("concurrent", Integer),
    Column("body_bytes", BigInteger),
    Column("model_limits", Text),  # JSON: {"google/*": {"rpm": 10, ...}}
    Column("budget", BigInteger),  # money in each period
    Column("budget_period", Text),  # day, month or total
    # What its calls may do, and do unless they say otherwise; null: as the installation is configured.
    Column("provider_ids_allowed", Boolean),
    Column("on_disconnect", Text),  # cancel or finish
    Column("recover", Text),  # identical, marked or off
    Column("store", Boolean),
    # The newest second, since 1970, that an admission has seen: clocks step back, limits must not.
    Column("last_seen", BigInteger, nullable=False, server_default="0"),
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

admin_tokens = Table(
    "admin_tokens",
    metadata,
    Column("id", Text, primary_key=True),  # the token's public part; see accounts/secrets.py
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),  # SHA-256 of the whole token, 32 bytes
    Column("created_at", Timestamp, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),  # 128 random bits in hex
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("call_id", Text),  # of the call that was admitted: its x-request-id
    Column("door", Text, nullable=False),  # rest or grpc
    Column("interface", Text, nullable=False),  # gemini or openai
    Column("model", Text, nullable=False),  # the catalogue's id
    Column("images", Integer, nullable=False),  # asked for
    Column("counted", Text, nullable=False),  # JSON: the patterns in whose windows it was counted
    Column("tier", Text, nullable=False),  # size and quality, as asked for
    Column("state", Text, nullable=False),
    Column("reason", Text),  # of a failure: the error's reason
    Column("error", Text),  # JSON: what a later call with the same key is told of the failure
    Column("flags", Text, nullable=False, server_default=""),  # separated by spaces, such as `late`
    Column("owner", Text, nullable=False),  # the process that renders
    Column("created_at", Timestamp, nullable=False),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp),
    # Money. Its day is that of the admission, whenever it is settled.
    Column("day", Text, nullable=False),  # 2026-11-22, UTC
    Column("estimate", BigInteger),  # of one attempt, at its dearest; null: the price is not known
    Column("reserved", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False, server_default="0"),
    Column("possible", BigInteger, nullable=False, server_default="0"),  # nobody knows whether it was charged
    # How the result gets to the caller.
    Column("delivery", Text, nullable=False),
    Column("holder", Text),  # the process whose calls wait for it
    Column("on_disconnect", Text),
    Column("collected_at", Timestamp),  # when a call other than its own took it
    # Once only.
    Column("key_hash", LargeBinary),  # SHA-256 of the idempotency key
    Column("fingerprint", LargeBinary),  # keyed; erased when nothing can match it any more
    Column("fingerprint_version", Integer),
    Column("rerun_of", Text),  # the request whose key it took over
    # The body of the reply.
    Column("body_state", Text),  # stored, unstored or evicted; null: there is none yet
    Column("body_reference", Text),
    Column("body_bytes", BigInteger),
    Column("body_sha256", LargeBinary),
    Column("body_expires_at", Timestamp),
)

LIVE = text("state IN ('queued', 'rendering')")

Index(
    "uq_requests_key",
    requests.c.account_id,
    requests.c.key_hash,
    unique=True,
    sqlite_where=text("key_hash IS NOT NULL"),
    postgresql_where=text("key_hash IS NOT NULL"),
)
Index("ix_requests_live", requests.c.account_id, requests.c.owner, sqlite_where=LIVE, postgresql_where=LIVE)
Index(
    "ix_requests_attached",
    requests.c.holder,
    sqlite_where=text("delivery = 'attached'"),
    postgresql_where=text("delivery = 'attached'"),
)
Index(
    "ix_requests_fingerprint",
    requests.c.account_id,
    requests.c.fingerprint,
    sqlite_where=text("fingerprint IS NOT NULL"),
    postgresql_where=text("fingerprint IS NOT NULL"),
)
Index("ix_requests_created_at", requests.c.created_at, requests.c.id)

attempts = Table(
    "attempts",
    metadata,
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1
    Column("upstream", Text, nullable=False),
    Column("model", Text, nullable=False),  # the id that the upstream was asked for
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("outcome", Text),  # OK, an error's reason, or LOST; null while it runs
    Column("spent", Text, nullable=False),  # no, possible or yes
    Column("images", Integer, nullable=False, server_default="0"),  # that arrived
    Column("tier", Text),  # size and quality, as delivered
    Column("text_in", Integer),  # tokens, as the provider counted them; null: it did not say
    Column("cached_text_in", Integer),
    Column("image_in", Integer),
    Column("cached_image_in", Integer),
    Column("text_out", Integer),
    Column("image_out", Integer),
    Column("thinking", Integer),
    Column("cost", BigInteger),  # null: nothing was spent, or the price is not known
    Column("currency", Text),
    Column("lines", Text),  # JSON: how the cost adds up
    Column("flags", Text, nullable=False, server_default=""),  # estimated, unpriced, assumed
    PrimaryKeyConstraint("request_id", "number"),
)

counters = Table(
    "counters",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("period", Text, nullable=False),  # 2026-11-22, 2026-11 or total
    Column("spent", BigInteger, nullable=False),
    Column("possible", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "period"),
)
"""Sums over the requests of the period, those that retention has removed included."""

windows = Table(
    "windows",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("models", Text, nullable=False),  # the pattern that is limited; empty: every model
    Column("second", BigInteger, nullable=False),  # since 1970
    Column("requests", Integer, nullable=False),
    Column("images", Integer, nullable=False),
    PrimaryKeyConstraint("account_id", "models", "second"),
)
"""What was admitted in each second, for limits per minute."""

processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),  # made anew at each start
    Column("name", Text, nullable=False),  # host and process id, for people
    Column("started_at", Timestamp, nullable=False),
    Column("seen_at", Timestamp, nullable=False),
)
