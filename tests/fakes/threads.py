"""A fake in a thread of its own, for tests that are not asynchronous."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from tests.fakes.server import FakeServer

F = TypeVar("F", bound=FakeServer)


@contextmanager
def in_thread(fake: F) -> Iterator[F]:
    """Serve `fake` while the context lasts. Script it and read its `requests`; await nothing of it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=type(fake).__name__, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(fake.start(), loop).result(5)
        yield fake
        asyncio.run_coroutine_threadsafe(fake.stop(), loop).result(5)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
