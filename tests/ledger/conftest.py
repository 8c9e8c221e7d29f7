from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ledger.house import HandClock, House, Place, open_house


@pytest.fixture
def place(tmp_path: Path, database_url: str | None) -> Place:
    """An empty database of either kind."""
    return Place(tmp_path, database_url)


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
