import asyncio
import time
from collections.abc import Callable

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.errors import (
    ContentBlockedError,
    RouterHubError,
    UpstreamBadReplyError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from routerhub_server.upstreams.sandbox import SandboxSettings, SandboxUpstream
from tests.upstreams.sandbox.orders import content_of, files, gemini, images_of, openai, opened, order

Ask = Callable[[str], GenerateContentRequest | GenerateImagesRequest]
BOTH = pytest.mark.parametrize("ask", [gemini, openai])


@BOTH
@pytest.mark.parametrize(
    ("marker", "error"),
    [
        ("error=400", UpstreamRejectedError),
        ("error=422", UpstreamRejectedError),
        ("error=401", UpstreamMisconfiguredError),
        ("error=429", UpstreamRateLimitedError),
        ("error=500", UpstreamUnavailableError),
        ("error=503", UpstreamUnavailableError),
        ("error=504", UpstreamTimeoutError),
        ("timeout", UpstreamTimeoutError),
        ("bad-reply", UpstreamBadReplyError),
    ],
)
async def test_marker_raises_what_the_provider_would(
    sandbox: SandboxUpstream,
    ask: Ask,
    marker: str,
    error: type[RouterHubError],
) -> None:
    with pytest.raises(error) as caught:
        await sandbox.render(order(ask(f"a fox [sandbox:{marker}]")))
    assert type(caught.value) is error


@BOTH
async def test_rate_limit_says_when_to_try_again(sandbox: SandboxUpstream, ask: Ask) -> None:
    with pytest.raises(UpstreamRateLimitedError) as caught:
        await sandbox.render(order(ask("[sandbox:error=429]")))
    assert caught.value.retry_after == 1.0


@BOTH
async def test_unknown_marker_is_refused_by_name(sandbox: SandboxUpstream, ask: Ask) -> None:
    with pytest.raises(UpstreamRejectedError, match="'explode'") as caught:
        await sandbox.render(order(ask("[sandbox:explode]")))
    assert caught.value.provider.status == 400


async def test_blocked_gemini_prompt_is_a_reply(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("[sandbox:block=SAFETY]")))
    assert content_of(reply).prompt_feedback.block_reason == reply.facts.block_reason == "SAFETY"
    assert not content_of(reply).candidates
    assert "candidatesTokenCount" not in reply.facts.usage
    assert b"candidates" not in reply.body


async def test_gemini_finish_reason_comes_without_an_image(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("[sandbox:finish=IMAGE_SAFETY]")))
    assert reply.facts.finish_reasons == ("IMAGE_SAFETY",)
    assert reply.facts.images == 0
    assert content_of(reply).candidates[0].safety_ratings[-1].blocked


@pytest.mark.parametrize(("marker", "stage"), [("block=SAFETY", "input"), ("finish=IMAGE_SAFETY", "output")])
async def test_blocked_openai_prompt_is_an_error(sandbox: SandboxUpstream, marker: str, stage: str) -> None:
    with pytest.raises(ContentBlockedError) as caught:
        await sandbox.render(order(openai(f"[sandbox:{marker}]")))
    provider = caught.value.provider
    assert provider is not None
    assert (provider.type, provider.code) == ("image_generation_user_error", "moderation_blocked")
    assert provider.extra["moderation_details"]["moderation_stage"] == stage


async def test_no_image_leaves_words_or_nothing(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("[sandbox:no-image]")))
    assert [part.WhichOneof("data") for part in content_of(reply).candidates[0].content.parts] == ["text"]
    assert reply.facts.finish_reasons == ("STOP",)
    empty = await sandbox.render(order(openai("[sandbox:no-image]")))
    assert (len(images_of(empty).data), empty.facts.images) == (0, 0)


@BOTH
async def test_bytes_pad_a_valid_file(sandbox: SandboxUpstream, ask: Ask) -> None:
    file = files(await sandbox.render(order(ask("[sandbox:bytes=2000000]"))))[0]
    assert len(file) == 2_000_000
    assert opened(file).format == "PNG"


@BOTH
async def test_latency_passes_before_the_reply(sandbox: SandboxUpstream, ask: Ask) -> None:
    start = time.monotonic()
    await sandbox.render(order(ask("[sandbox:latency=0.3] a fox")))
    assert time.monotonic() - start >= 0.3


async def test_markers_combine(sandbox: SandboxUpstream) -> None:
    start = time.monotonic()
    with pytest.raises(UpstreamTimeoutError):
        await sandbox.render(order(openai("[sandbox:latency=0.2] a fox [sandbox:timeout]")))
    assert time.monotonic() - start >= 0.2


async def test_marker_does_not_change_the_drawing(sandbox: SandboxUpstream) -> None:
    marked = await sandbox.render(order(openai("a [sandbox:latency=0] fox")))
    assert files(marked) == files(await sandbox.render(order(openai("a fox"))))


async def test_markers_can_be_switched_off() -> None:
    upstream = SandboxUpstream("sandbox", SandboxSettings(markers=False))
    reply = await upstream.render(order(openai("[sandbox:error=500] [sandbox:explode]")))
    assert reply.facts.images == 1
    await upstream.close()


async def test_configured_failure_applies_to_every_prompt() -> None:
    upstream = SandboxUpstream("sandbox", SandboxSettings(fail="error=503", markers=False))
    with pytest.raises(UpstreamUnavailableError):
        await upstream.render(order(openai()))
    await upstream.close()


async def test_configured_latency_applies_to_every_prompt() -> None:
    upstream = SandboxUpstream("sandbox", SandboxSettings(latency_seconds=0.2))
    start = time.monotonic()
    await upstream.render(order(openai()))
    assert time.monotonic() - start >= 0.2
    await upstream.close()


def test_wrong_configuration_is_named() -> None:
    with pytest.raises(ValueError, match="'explode'"):
        SandboxUpstream("sandbox", SandboxSettings(fail="explode"))


async def test_cancelled_render_ends_at_once(sandbox: SandboxUpstream) -> None:
    task = asyncio.create_task(sandbox.render(order(openai("[sandbox:latency=60]"))))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_drawing_does_not_hold_up_the_event_loop(sandbox: SandboxUpstream) -> None:
    render = asyncio.create_task(sandbox.render(order(openai(size="2048x2048", n=2))))
    turns = 0
    while not render.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 5
