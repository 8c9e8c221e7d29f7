"""The renders that run in this process.

A render is a task of the process; a handler only attaches to it. For now it ends with its handler: when the
caller hangs up or its deadline passes, the render is cancelled and the provider call with it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from routerhub_server.errors import DeadlineError, OverloadedError

T = TypeVar("T")

SHUTTING_DOWN = "The server is shutting down."


class Renders:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    async def attend(self, render: Coroutine[Any, Any, T], deadline: float) -> T:
        """Start `render` and wait for it until `deadline` (event loop's clock, seconds).

        Raises DeadlineError when the time is up, OverloadedError when the process is about to end,
        and what the render raises.
        """
        if self._closed:
            render.close()
            raise OverloadedError(SHUTTING_DOWN, retry_after=1)
        task = asyncio.create_task(render)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.wait({task})
        except TimeoutError as error:
            raise DeadlineError(
                "The deadline passed before the image was ready.", spent="possible"
            ) from error
        finally:
            await _cancelled(task)
        if task.cancelled():
            raise OverloadedError(SHUTTING_DOWN, retry_after=1, spent="possible")
        return task.result()

    def close(self) -> int:
        """Admit no more and cancel the running ones, whose callers get an error: how many those are."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        return len(self._tasks)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """End the task, if it has not ended, and see it through."""
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
