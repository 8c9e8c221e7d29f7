from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routerhub_server.state import Database, open_database


@pytest.fixture
async def database(tmp_path: Path, database_url: str | None) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "state", database_url) as database:
        yield database
