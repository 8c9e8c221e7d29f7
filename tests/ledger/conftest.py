from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ledger.house import HandClock, House, Place, open_house
from tests.ledger.postgres import Postgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return Place(tmp_path, None)
    server: Postgres = request.getfixturevalue("postgres")
    return Place(tmp_path, server.create_database())


@pytest.fixture
async def house(place: Place) -> AsyncIterator[House]:
    async with open_house(place) as house:
        yield house


@pytest.fixture
def clock() -> HandClock:
    """Half a minute and a minute before December."""
    return HandClock()


@pytest.fixture
async def still_house(place: Place, clock: HandClock) -> AsyncIterator[House]:
    """One whose time is moved by hand."""
    async with open_house(place, clock) as house:
        yield house
