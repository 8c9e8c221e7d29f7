from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routerhub_server.state import Database, open_database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "state") as database:
        yield database
