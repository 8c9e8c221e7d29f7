"""Brings a database to the newest schema; the steps are in migrations/versions."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from routerhub_server.state.errors import StateError

LOCK = int.from_bytes(b"RouteHub")
"""PostgreSQL's advisory lock under which a schema is changed; any number that stays the same will do."""


def upgrade(connection: Connection, place: str) -> None:
    """Run the missing migrations inside the caller's transaction.

    `place` names the database to the operator. Raises StateError when a newer RouterHub has written it.
    """
    if connection.dialect.name == "postgresql":  # SQLite's write lock is held already
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    config = Config()
    config.set_main_option("script_location", "routerhub_server.state:migrations")
    config.attributes["connection"] = connection
    _refuse_newer(connection, ScriptDirectory.from_config(config), place)
    command.upgrade(config, "head")


def _refuse_newer(connection: Connection, scripts: ScriptDirectory, place: str) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = [script.revision for script in scripts.walk_revisions()]
    if current is not None and current not in known:
        raise StateError(
            f"{place}: its schema {current!r} was written by a newer RouterHub; this one knows up to "
            f"{known[0]!r}. Run the newer version, or restore a backup"
        )
