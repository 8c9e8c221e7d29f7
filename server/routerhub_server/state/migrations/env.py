"""Alembic runs this file; the connection is that of state/migrate.py."""

from alembic import context

from routerhub_server.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
