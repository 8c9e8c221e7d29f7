"""Renders as tasks of the process: who may end them, and that nothing is left of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from routerhub_server.errors import DeadlineError, OverloadedError, UpstreamUnavailableError
from routerhub_server.renders import Renders


class Render:
    """Never ends by itself; `ended` is set however it ends."""

    def __init__(self) -> None:
        self.started, self.ended = asyncio.Event(), asyncio.Event()

    async def run(self) -> Any:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # closing a connection takes a moment, too
            self.ended.set()


async def at_once(result: Any) -> Any:
    return result


def later(seconds: float = 60) -> float:
    return asyncio.get_running_loop().time() + seconds


def alone() -> bool:
    return asyncio.all_tasks() == {asyncio.current_task()}


async def test_result_reaches_the_caller() -> None:
    renders = Renders()
    assert await renders.attend(at_once("reply"), later()) == "reply"
    assert len(renders) == 0


async def test_failure_reaches_the_caller() -> None:
    async def fail() -> Any:
        raise UpstreamUnavailableError("gone")

    with pytest.raises(UpstreamUnavailableError, match="gone"):
        await Renders().attend(fail(), later())
    assert alone()


async def test_deadline_ends_the_render_and_may_have_cost() -> None:
    renders, render = Renders(), Render()
    with pytest.raises(DeadlineError) as raised:
        await renders.attend(render.run(), later(0.02))
    assert raised.value.spent == "possible"
    assert render.ended.is_set()
    assert len(renders) == 0
    assert alone()


async def test_hang_up_ends_the_render() -> None:
    renders, render = Renders(), Render()
    caller = asyncio.create_task(renders.attend(render.run(), later()))
    await render.started.wait()
    assert len(renders) == 1
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert render.ended.is_set()
    assert len(renders) == 0
    assert alone()


async def test_hang_up_leaves_other_renders_alone() -> None:
    renders, first, second = Renders(), Render(), Render()
    callers = [asyncio.create_task(renders.attend(render.run(), later())) for render in (first, second)]
    await second.started.wait()
    callers[0].cancel()
    await asyncio.wait(callers[:1])
    assert len(renders) == 1
    assert not second.ended.is_set()
    renders.close()
    await asyncio.wait(callers)


async def test_close_cancels_what_runs_and_tells_its_caller() -> None:
    renders, render = Renders(), Render()
    caller = asyncio.create_task(renders.attend(render.run(), later()))
    await render.started.wait()
    assert renders.close() == 1
    with pytest.raises(OverloadedError) as raised:
        await caller
    assert raised.value.spent == "possible"
    assert render.ended.is_set()


async def test_closed_renders_buy_nothing() -> None:
    renders, render = Renders(), Render()
    assert renders.close() == 0
    with pytest.raises(OverloadedError) as raised:
        await renders.attend(render.run(), later())
    assert (raised.value.spent, raised.value.retry_after) == ("no", 1)
    assert not render.started.is_set()


@pytest.mark.parametrize("leave", [asyncio.Task.cancel])
async def test_caller_that_leaves_at_the_start_leaves_nothing(leave: Callable[..., Any]) -> None:
    renders = Renders()
    caller = asyncio.create_task(renders.attend(Render().run(), later()))
    await asyncio.sleep(0)
    leave(caller)
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert alone()
