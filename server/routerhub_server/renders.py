"""The renders that run in this process.

A render is a task of the process; a handler only attaches to it. For now it ends with its handler: when the
caller hangs up or its deadline passes, the render is cancelled and the provider call with it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from routerhub_server.errors import DeadlineError, OverloadedError
from routerhub_server.upstreams.base import Reply


class Renders:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Reply]] = set()
        self._draining = False

    def __len__(self) -> int:
        return len(self._tasks)

    async def attend(self, render: Coroutine[Any, Any, Reply], deadline: float) -> Reply:
        """Start `render` and wait for it until `deadline` (event loop's clock, seconds).

        Raises DeadlineError when the time is up, OverloadedError while draining, and what the render raises.
        """
        if self._draining:
            render.close()
            raise OverloadedError("The server is shutting down.", retry_after=1)
        task = asyncio.create_task(render)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise DeadlineError("The deadline passed before the image was ready.") from error
        finally:
            await _cancelled(task)

    async def drain(self, seconds: float) -> int:
        """Admit no more, give the running ones `seconds`, cancel the rest: how many it returns."""
        self._draining = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        late = [task for task in self._tasks if not task.done()]
        for task in late:
            await _cancelled(task)
        return len(late)


async def _cancelled(task: asyncio.Task[Reply]) -> None:
    """End the task, if it has not ended, and see it through."""
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
