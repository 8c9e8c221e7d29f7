"""The exchange itself: what a connection can do wrong, and what that costs."""

import asyncio
import gzip
import json
import socket
import time
from typing import Any

import pytest
from pydantic import SecretStr

from routerhub_server.errors import (
    RouterHubError,
    UpstreamBadReplyError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from routerhub_server.settings import LimitSettings, Settings, UpstreamSettings
from routerhub_server.upstreams.gemini import GeminiAdapter, gemini_upstream
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.http_client import Timeouts
from routerhub_server.upstreams.openai import openai_upstream
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.fakes.pictures import large_picture
from tests.fakes.server import Fault
from tests.upstreams.orders import gemini_order, openai_order, upstream_of

UPLOAD = "x" * 30_000_000
"""More than the kernel buffers between client and fake hold."""


async def failed(upstream: HttpUpstream, prompt: str = "a cat") -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await upstream.render(gemini_order(prompt))
    assert caught.value.__cause__ is None or not isinstance(caught.value.__cause__, RouterHubError)
    return caught.value


SILENCE = "The upstream closed the connection without an answer."
BROKEN = "The upstream's reply broke off."
NO_HTTP = "The upstream did not answer in HTTP."


@pytest.mark.parametrize(
    ("fault", "kind", "message", "spent"),
    [
        pytest.param(
            {"cut_after": 0}, UpstreamUnavailableError, SILENCE, "possible", id="closed-before-answer"
        ),
        pytest.param(
            {"cut_after": 0, "reset": True},
            UpstreamUnavailableError,
            SILENCE,
            "possible",
            id="reset-before-answer",
        ),
        pytest.param({"cut_after": 20}, UpstreamUnavailableError, SILENCE, "possible", id="closed-in-head"),
        pytest.param({"cut_after": 500}, UpstreamBadReplyError, BROKEN, "yes", id="closed-in-body"),
        pytest.param(
            {"cut_after": 500, "reset": True}, UpstreamBadReplyError, BROKEN, "yes", id="reset-in-body"
        ),
        pytest.param(
            {"cut_after": 900, "chunked": True}, UpstreamBadReplyError, BROKEN, "yes", id="cut-in-chunks"
        ),
        pytest.param(
            {"raw": b"\x00\x01garbage\r\n\r\n"}, UpstreamBadReplyError, NO_HTTP, "possible", id="garbage"
        ),
        pytest.param({"raw": b"SSH-2.0-x\r\n\r\n"}, UpstreamBadReplyError, NO_HTTP, "possible", id="ssh"),
        pytest.param(
            {"headers": {"content-encoding": "gzip"}}, UpstreamBadReplyError, BROKEN, "yes", id="no-gzip"
        ),
        pytest.param(
            {"headers": {"content-length": "99999999999"}},
            UpstreamBadReplyError,
            "The upstream's reply is larger than 67108864 bytes.",
            "yes",
            id="length-over-limit",
        ),
    ],
)
async def test_failed_exchange_says_what_it_may_have_cost(
    gemini: HttpUpstream,
    fake_gemini: FakeGemini,
    fault: dict[str, Any],
    kind: type[UpstreamError],
    message: str,
    spent: str,
) -> None:
    fake_gemini.next(**fault)
    error = await failed(gemini)
    assert type(error) is kind
    assert (error.message, error.spent, error.retry_after) == (message, spent, None)
    assert (await gemini.render(gemini_order())).facts.images == 1


@pytest.mark.parametrize("fault", [{"hang": True}, {"delay": 2}, {"drip": (100, 1)}])
async def test_silence_is_a_timeout_that_may_have_cost(
    impatient_gemini: HttpUpstream, fake_gemini: FakeGemini, fault: dict[str, Any]
) -> None:
    """Before the first byte or between two, with the 2xx status known or not."""
    fake_gemini.next(**fault)
    error = await failed(impatient_gemini)
    assert type(error) is UpstreamTimeoutError
    assert (error.message, error.spent) == ("The upstream did not answer in time.", "possible")


async def test_head_cut_off_under_content_encoding_is_a_bad_reply(
    gemini: HttpUpstream, fake_gemini: FakeGemini
) -> None:
    fake_gemini.next(gzip=True, cut_after=400)
    error = await failed(gemini)
    assert isinstance(error, UpstreamBadReplyError)
    assert error.spent == "yes"


async def test_drip_without_pause_long_enough_hits_the_total(fake_gemini: FakeGemini) -> None:
    """No piece is late, the whole is: 14 s of it."""
    timeouts = Timeouts(read=0.5, total=0.8)
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url), timeouts)
    fake_gemini.next(drip=(50, 0.1))
    started = time.monotonic()
    error = await failed(upstream)
    await upstream.close()
    assert isinstance(error, UpstreamTimeoutError)
    assert error.spent == "possible"
    assert 0.7 < time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("timeouts", "fault"),
    [
        pytest.param(Timeouts(first_byte=0.3, read=9), {"hang": True}, id="head"),
        pytest.param(Timeouts(first_byte=0.3, read=9), {"drip": (10, 0.1)}, id="dripping-head"),
        pytest.param(Timeouts(first_byte=9, read=0.3), {"drip": (300, 1)}, id="pause-in-the-body"),
    ],
)
async def test_head_and_body_have_limits_of_their_own(
    fake_gemini: FakeGemini, timeouts: Timeouts, fault: dict[str, Any]
) -> None:
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url), timeouts)
    fake_gemini.next(**fault)
    started = time.monotonic()
    error = await failed(upstream)
    await upstream.close()
    assert isinstance(error, UpstreamTimeoutError)
    assert error.spent == "possible"
    assert time.monotonic() - started < 3


async def test_slow_head_and_steady_body_pass_within_their_limits(fake_gemini: FakeGemini) -> None:
    """The head takes longer than a pause in the body may, the body longer than the head may."""
    upstream = upstream_of(
        GeminiAdapter(fake_gemini.key, fake_gemini.base_url), Timeouts(first_byte=1.5, read=0.6)
    )
    fake_gemini.next(delay=0.9, drip=(400, 0.1))
    assert (await upstream.render(gemini_order())).facts.images == 1
    await upstream.close()


@pytest.mark.parametrize("status", [500, 502, 504, 524])
@pytest.mark.parametrize(("free", "spent"), [(True, "no"), (False, "possible")])
async def test_server_errors_cost_nothing_where_the_operator_knows(
    fake_gemini: FakeGemini, status: int, free: bool, spent: str
) -> None:
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url), server_errors_are_free=free)
    fake_gemini.next(status=status, body=b"")
    error = await failed(upstream)
    await upstream.close()
    assert error.spent == spent


async def test_silence_may_have_cost_whatever_server_errors_do(fake_gemini: FakeGemini) -> None:
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url), server_errors_are_free=True)
    fake_gemini.next(cut_after=0)
    error = await failed(upstream)
    await upstream.close()
    assert error.spent == "possible"


async def test_nobody_listening_is_unavailable_and_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    upstream = upstream_of(GeminiAdapter("key", f"http://127.0.0.1:{port}"))
    error = await failed(upstream)
    await upstream.close()
    assert type(error) is UpstreamUnavailableError
    assert (error.message, error.spent) == ("The upstream could not be reached.", "no")


async def test_unknown_host_is_unavailable_and_free() -> None:
    upstream = upstream_of(GeminiAdapter("key", "http://nowhere.invalid"))
    error = await failed(upstream)
    await upstream.close()
    assert (error.message, error.spent) == ("The upstream could not be reached.", "no")


async def test_no_tls_at_the_other_end_is_unavailable_and_free() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        upstream = upstream_of(
            GeminiAdapter("key", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        )
        error = await failed(upstream)
        await upstream.close()
    assert (error.message, error.spent) == ("The upstream could not be reached.", "no")
    assert "SSL" in str(error.__cause__)


async def test_listener_that_never_accepts_is_unavailable_and_free() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        upstream = upstream_of(
            GeminiAdapter("key", f"http://127.0.0.1:{full.getsockname()[1]}"), Timeouts(connect=0.3)
        )
        error = await failed(upstream)
        await upstream.close()
        for client in waiting:
            client.close()
    assert (error.message, error.spent) == ("The upstream could not be reached.", "no")


@pytest.mark.parametrize(
    ("base_url", "key"), [("ftp://example", "k"), ("http://host:port", "k"), ("http://127.0.0.1:1", "a\nb")]
)
async def test_address_or_key_that_cannot_be_used_is_the_operators_fault(base_url: str, key: str) -> None:
    if "\n" in key:
        async with FakeGemini() as fake:
            upstream = upstream_of(GeminiAdapter(key, fake.base_url))
            error = await failed(upstream)
    else:
        upstream = upstream_of(GeminiAdapter(key, base_url))
        error = await failed(upstream)
    await upstream.close()
    assert isinstance(error, UpstreamMisconfiguredError)
    assert (error.message, error.spent) == ("The upstream's address or key cannot be used.", "no")


@pytest.mark.parametrize("reset", [False, True])
async def test_connection_closed_during_upload_is_free(
    gemini: HttpUpstream, fake_gemini: FakeGemini, reset: bool
) -> None:
    fake_gemini.next(read_body=False, cut_after=0, reset=reset)
    error = await failed(gemini, UPLOAD)
    assert isinstance(error, UpstreamUnavailableError)
    assert error.spent == "no"


async def test_upload_that_is_not_taken_in_time_is_free(
    impatient_gemini: HttpUpstream, fake_gemini: FakeGemini
) -> None:
    fake_gemini.next(read_body=False, hang=True)
    error = await failed(impatient_gemini, UPLOAD)
    assert type(error) is UpstreamUnavailableError
    assert (error.message, error.spent) == ("The upstream did not take the request.", "no")


async def test_total_timeout_during_upload_is_free(fake_gemini: FakeGemini) -> None:
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url), Timeouts(total=0.5))
    fake_gemini.next(read_body=False, hang=True)
    error = await failed(upstream, UPLOAD)
    await upstream.close()
    assert type(error) is UpstreamTimeoutError
    assert error.spent == "no"


async def test_refusal_sent_before_the_upload_ended_is_heard(
    gemini: HttpUpstream, fake_gemini: FakeGemini
) -> None:
    """Google says 'too large' without reading on."""
    fake_gemini.next(read_body=False, status=503, body=b"", delay=0.1)
    error = await failed(gemini, "x" * 3_000_000)
    assert type(error) is UpstreamUnavailableError
    assert error.spent == "no"


async def test_full_pool_is_unavailable_and_free(fake_gemini: FakeGemini) -> None:
    upstream = upstream_of(
        GeminiAdapter(fake_gemini.key, fake_gemini.base_url), Timeouts(pool=0.1), max_connections=1
    )
    fake_gemini.next(hang=True)
    first = asyncio.create_task(upstream.render(gemini_order()))
    await fake_gemini.until(lambda: len(fake_gemini.requests) == 1)
    error = await failed(upstream)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await upstream.close()
    assert type(error) is UpstreamUnavailableError
    assert (error.message, error.spent) == ("All connections to the upstream are in use.", "no")
    assert len(fake_gemini.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
async def test_redirection_is_refused(gemini: HttpUpstream, fake_gemini: FakeGemini, status: int) -> None:
    fake_gemini.next(status=status, body=b"", headers={"location": f"{fake_gemini.url}/elsewhere"})
    error = await failed(gemini)
    assert isinstance(error, UpstreamMisconfiguredError)
    assert error.message.startswith(f"The upstream answered {status}, a redirection")
    assert error.spent == "no"
    assert len(fake_gemini.requests) == 1


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
async def test_reply_over_the_limit_is_refused(fake_gemini: FakeGemini, chunked: bool, zipped: bool) -> None:
    """Whether its length was announced or not, and counted after decompression."""
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url), max_reply_bytes=2_000_000)
    fake_gemini.next(status=200, body=b" " * 2_000_001, chunked=chunked, gzip=zipped)
    error = await failed(upstream)
    fake_gemini.next(status=200, body=b"{}" + b" " * 1_999_998, chunked=chunked, gzip=zipped)
    assert len((await upstream.render(gemini_order())).body) == 2_000_000
    await upstream.close()
    assert isinstance(error, UpstreamBadReplyError)
    assert (error.message, error.spent) == ("The upstream's reply is larger than 2000000 bytes.", "yes")


async def test_compression_bomb_is_refused_early(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    bomb = gzip.compress(bytes(2**28), 1)
    fake_gemini.next(status=200, body=bomb, headers={"content-encoding": "gzip"})
    error = await failed(gemini)
    assert isinstance(error, UpstreamBadReplyError)
    assert error.spent == "yes"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"gzip": True}, id="gzip"),
        pytest.param({"chunked": True}, id="chunked"),
        pytest.param({"gzip": True, "chunked": True}, id="gzip-chunked"),
        pytest.param({"drip": (2000, 0.01)}, id="dripping"),
        pytest.param({"headers": {"content-type": "text/html"}}, id="wrong-content-type"),
        pytest.param(
            {"headers": {"content-length": "", "connection": "close"}, "close": True}, id="until-close"
        ),
        pytest.param({"status": 201}, id="201"),
        pytest.param({"delay": 0.1}, id="delayed"),
    ],
)
async def test_unusual_but_proper_reply_is_taken(
    gemini: HttpUpstream, fake_gemini: FakeGemini, fault: dict[str, Any]
) -> None:
    fake_gemini.next(**fault)
    reply = await gemini.render(gemini_order())
    assert reply.facts.images == 1
    assert json.loads(reply.body)["responseId"] == "fake-response-1"


async def test_megabytes_both_ways_arrive_whole(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    fake_gemini.image = large_picture(15)
    order = gemini_order()
    blob = order.request.contents[0].parts.add().inline_data  # type: ignore[union-attr]
    blob.mime_type, blob.data = "image/png", fake_gemini.image
    reply = await gemini.render(order)
    assert reply.message.candidates[0].content.parts[1].inline_data.data == fake_gemini.image
    assert len(fake_gemini.requests[0].body) > 20_000_000


async def test_connections_are_kept_and_closed_ones_replaced(
    gemini: HttpUpstream, fake_gemini: FakeGemini
) -> None:
    for _ in range(3):
        await gemini.render(gemini_order())
    assert fake_gemini.connections == 1
    fake_gemini.next(close=True)
    await gemini.render(gemini_order())
    await asyncio.sleep(0.05)
    await gemini.render(gemini_order())
    assert fake_gemini.connections == 2


async def test_cookies_are_not_carried_from_call_to_call(
    gemini: HttpUpstream, fake_gemini: FakeGemini
) -> None:
    fake_gemini.next(headers={"set-cookie": "session=1; Path=/"})
    await gemini.render(gemini_order())
    await gemini.render(gemini_order())
    assert "cookie" not in fake_gemini.requests[1].headers


async def test_proxy_of_the_environment_is_ignored(
    fake_gemini: FakeGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url))
    reply = await upstream.render(gemini_order())
    await upstream.close()
    assert reply.facts.images == 1


@pytest.mark.parametrize("fault", [Fault(hang=True), Fault(drip=(100, 0.1))])
async def test_cancelling_hangs_up_at_once(
    gemini: HttpUpstream, fake_gemini: FakeGemini, fault: Fault
) -> None:
    fake_gemini.otherwise = fault
    render = asyncio.create_task(gemini.render(gemini_order()))
    await fake_gemini.until(lambda: len(fake_gemini.requests) == 1)
    await asyncio.sleep(0.05)  # into the waiting, or into the reply
    render.cancel()
    with pytest.raises(asyncio.CancelledError):
        await render
    async with asyncio.timeout(1):
        await fake_gemini.requests[0].hung_up.wait()


async def test_cancelled_calls_leave_the_pool_whole(fake_gemini: FakeGemini) -> None:
    """300 calls on a pool of 10, cancelled wherever they happen to be: waiting, sending, reading."""
    upstream = upstream_of(
        GeminiAdapter(fake_gemini.key, fake_gemini.base_url), Timeouts(pool=5, read=5), max_connections=10
    )
    renders, loop = [], asyncio.get_running_loop()
    for number in range(300):
        fake_gemini.script.append(Fault(hang=True) if number % 3 else Fault(drip=(500, 0.01)))
        renders.append(asyncio.create_task(upstream.render(gemini_order())))
        loop.call_later(number % 30 * 0.002, renders[-1].cancel)
        await asyncio.sleep(0.002)
    outcomes = await asyncio.gather(*renders, return_exceptions=True)
    cancelled = sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    seen = len(fake_gemini.requests)
    fake_gemini.script.clear()
    replies = await asyncio.gather(*(upstream.render(gemini_order()) for _ in range(40)))
    await upstream.close()
    assert cancelled > 250
    assert seen > 100
    assert [reply.facts.images for reply in replies] == [1] * 40
    await fake_gemini.until(lambda: not fake_gemini.open)


async def test_close_closes_every_connection(fake_gemini: FakeGemini) -> None:
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url))
    await asyncio.gather(*(upstream.render(gemini_order()) for _ in range(5)))
    await upstream.close()
    await fake_gemini.until(lambda: not fake_gemini.open)


async def test_upstreams_are_made_from_settings(fake_gemini: FakeGemini, fake_openai: FakeOpenAI) -> None:
    settings = Settings(limits=LimitSettings(reply_bytes=1000))
    gemini_section = UpstreamSettings(
        kind="gemini", base_url=fake_gemini.base_url, api_key=SecretStr(fake_gemini.key)
    )
    openai_section = UpstreamSettings(
        kind="openai",
        base_url=fake_openai.base_url,
        api_key=SecretStr(fake_openai.key),
        organization="org-1",
        project="proj-1",
    )
    for upstream, order in (
        (gemini_upstream("g", gemini_section, settings), gemini_order()),
        (openai_upstream("o", openai_section, settings), openai_order()),
    ):
        with pytest.raises(UpstreamBadReplyError, match="larger than 1000 bytes"):
            await upstream.render(order)
        await upstream.close()
    assert fake_gemini.requests[0].headers["x-goog-api-key"] == fake_gemini.key
    assert fake_openai.requests[0].headers["openai-organization"] == "org-1"
    assert fake_openai.requests[0].headers["openai-project"] == "proj-1"
