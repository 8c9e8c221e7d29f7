"""The bounded pool of an upstream: so many renders at once, the others wait their turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from routerhub_server.errors import OverloadedError


class Pool:
    """First come, first served."""

    def __init__(self, size: int) -> None:
        self._slots = asyncio.Semaphore(size)
        self._size = size
        self.in_use = 0
        self.waiting = 0

    @property
    def full(self) -> bool:
        return self._slots.locked()

    @asynccontextmanager
    async def slot(self, until: float) -> AsyncIterator[None]:
        """Hold a slot, waiting for it until `until` (event loop's clock). Raises OverloadedError."""
        self.waiting += 1
        try:
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
        except TimeoutError as error:
            raise OverloadedError(
                f"All {self._size} renders of the upstream are taken; try again later.", retry_after=1
            ) from error
        finally:
            self.waiting -= 1
        self.in_use += 1
        try:
            yield
        finally:
            self.in_use -= 1
            self._slots.release()
