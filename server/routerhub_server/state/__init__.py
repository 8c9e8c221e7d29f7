"""What outlives the process: the database and its schema."""

from routerhub_server.state.claim import claimed
from routerhub_server.state.database import Database, open_database
from routerhub_server.state.errors import StateError

__all__ = ["Database", "StateError", "claimed", "open_database"]
