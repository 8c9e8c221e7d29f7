"""Everything that a provider can do wrong, through the whole stack: what it may cost, and what callers hear.

`calls` is money: how often the provider was asked. `retry` is what callers are told: True where nothing was
paid and trying again makes sense, False where it may pay a second time or cannot help.
"""

import base64
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any

import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes import gemini, openai
from tests.fakes.azure import API_VERSION, FakeAzure
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.fakes.pictures import large_picture
from tests.fakes.server import Fault
from tests.fakes.threads import in_thread
from tests.fakes.vertex import FakeVertex
from tests.gateway.broken_hosts import UNKNOWN_HOST, never_accepting, refusing, self_signed
from tests.gateway.callers import DOORS, Caller, Door, Shape, Told
from tests.gateway.routes import gemini_model, openai_model, route

CONNECT, FIRST_BYTE, READ, TOTAL = 0.3, 0.6, 0.4, 1.2
"""Seconds; the limits of every upstream here."""
PATIENT = {"first_byte_seconds": 9, "read_seconds": 9, "total_seconds": 19}
"""For megabytes."""
RENDER = 4.0
SLACK = 2.0
"""Seconds for a busy machine."""


@dataclass(frozen=True)
class Dialect:
    kind: str
    shape: Shape
    fake: FakeGemini | FakeOpenAI
    upstream: Mapping[str, str]
    model: str
    """The id at the provider."""

    def refusal(self, status: int, message: str) -> Fault:
        """In the provider's own words."""
        if self.shape == "openai":
            return Fault(status=status, body=openai.error_body(message))
        name = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 413: "INVALID_ARGUMENT"}
        return Fault(status=status, body=gemini.error_body(status, name.get(status, "INTERNAL"), message))


@dataclass(frozen=True)
class Expected:
    http: int
    grpc: str
    code: str | None
    """OpenAI's."""


EXPECTED: Mapping[str, Expected] = MappingProxyType(
    {
        "UPSTREAM_UNAVAILABLE": Expected(503, "UNAVAILABLE", "upstream_unavailable"),
        "UPSTREAM_TIMEOUT": Expected(504, "DEADLINE_EXCEEDED", "upstream_timeout"),
        "UPSTREAM_BAD_REPLY": Expected(502, "INTERNAL", "upstream_bad_reply"),
        "UPSTREAM_RATE_LIMITED": Expected(429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded"),
        "UPSTREAM_REJECTED": Expected(400, "INVALID_ARGUMENT", None),
    }
)


@dataclass(frozen=True)
class Case:
    name: str
    faults: Callable[[Dialect], Sequence[Fault]]
    """What the provider does, exchange by exchange; one more would be answered properly, and counted."""
    calls: int
    reason: str
    """Empty: the caller gets the image."""
    retry: bool = True
    retry_after: str | None = None
    seconds: float = 0
    """That it takes at most, a busy machine apart."""


def always(*faults: Fault) -> Callable[[Dialect], Sequence[Fault]]:
    return lambda dialect: faults


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
UNAVAILABLE, TIMEOUT, BAD_REPLY, LIMITED, REJECTED = EXPECTED

CASES = [
    # Nothing was bought: asked once more here, and the caller may ask again.
    Case("429", always(*[Fault(status=429)] * 2), 2, LIMITED, True, "1", 0.5),
    Case("429, then fine", always(Fault(status=429)), 2, "", seconds=0.5),
    Case(
        "429, retry-after in seconds",
        always(*[Fault(status=429, headers={"retry-after": "1"})] * 2),
        2,
        LIMITED,
        True,
        "1",
        1.0,
    ),
    Case(
        "429, retry-after beyond the time left",
        always(Fault(status=429, headers={"retry-after": "17"})),
        1,
        LIMITED,
        True,
        "17",
    ),
    Case(
        "429, retry-after as a date",
        lambda dialect: [Fault(status=429, headers={"retry-after": http_date(30.5)})],
        1,
        LIMITED,
        True,
        "30",
    ),
    Case(
        "429, retry-after-ms",
        always(*[Fault(status=429, headers={"retry-after-ms": "300", "retry-after": "60"})] * 2),
        2,
        LIMITED,
        True,
        "1",
        0.5,
    ),
    Case("503", always(*[Fault(status=503)] * 2), 2, UNAVAILABLE, True, "1", 0.5),
    Case("503, then fine", always(Fault(status=503)), 2, "", seconds=0.5),
    # Only the operator can mend these.
    Case("401", lambda dialect: [dialect.refusal(401, "Who are you?")], 1, UNAVAILABLE, False),
    Case("model gone", lambda dialect: [_model_gone(dialect)], 1, UNAVAILABLE, False),
    # The request is at fault.
    Case("400", lambda dialect: [dialect.refusal(400, "Bad prompt.")], 1, REJECTED, False),
    # The provider had the whole request: it may have been paid, and is not repeated.
    Case("500", always(Fault(status=500)), 1, UNAVAILABLE, False),
    Case("502 of a proxy", always(Fault(status=502, body=HTML)), 1, UNAVAILABLE, False),
    Case("504", always(Fault(status=504, body=HTML)), 1, TIMEOUT, False),
    Case("524", always(Fault(status=524, body=HTML)), 1, TIMEOUT, False),
    Case("slow first byte", always(Fault(hang=True)), 1, TIMEOUT, False, seconds=FIRST_BYTE),
    Case("reset before the reply", always(Fault(cut_after=0, reset=True)), 1, UNAVAILABLE, False),
    Case("end before the reply", always(Fault(cut_after=0)), 1, UNAVAILABLE, False),
    Case("end within the head", always(Fault(cut_after=40)), 1, UNAVAILABLE, False),
    Case("not HTTP", always(Fault(raw=b"SSH-2.0-OpenSSH_9.9\r\n\r\n")), 1, BAD_REPLY, False),
    Case("dripping body", always(Fault(drip=(40, 0.05))), 1, TIMEOUT, False, seconds=TOTAL),
    Case("silence mid-body", always(Fault(drip=(600, 9))), 1, TIMEOUT, False, seconds=READ),
    # The provider answered 200: it was paid.
    Case("reset mid-body", always(Fault(cut_after=700, reset=True)), 1, BAD_REPLY, False),
    Case("end mid-body", always(Fault(cut_after=700)), 1, BAD_REPLY, False),
    Case("end mid-chunk", always(Fault(cut_after=700, chunked=True)), 1, BAD_REPLY, False),
    Case("truncated JSON", always(Fault(status=200, body=b'{"candidates": [{"con')), 1, BAD_REPLY, False),
    Case("200 in HTML", always(Fault(status=200, body=HTML)), 1, BAD_REPLY, False),
    Case(
        "200 with an error",
        lambda dialect: [Fault(status=200, body=dialect.refusal(500, "Oops.").body)],
        1,
        BAD_REPLY,
        False,
    ),
    Case("empty body", always(Fault(status=200, body=b"")), 1, BAD_REPLY, False),
    Case("gzip that is none", always(Fault(headers={"content-encoding": "gzip"})), 1, BAD_REPLY, False),
    # Unusual, and fine.
    Case("wrong content type", always(Fault(headers={"content-type": "text/plain"})), 1, ""),
    Case("gzip", always(Fault(gzip=True)), 1, ""),
    Case("chunked", always(Fault(chunked=True)), 1, ""),
]


def _model_gone(dialect: Dialect) -> Fault:
    if dialect.shape == "gemini":
        return dialect.refusal(404, "models/x is not found for API version v1beta.")
    body = openai.error_body("The model 'x' does not exist.", code="model_not_found")
    return Fault(status=404, body=body)


@dataclass(frozen=True)
class World:
    gateway: Gateway
    caller: Caller
    dialects: Mapping[str, Dialect]


TROUBLES = ("refused", "unknown host", "not TLS", "untrusted certificate", "slow connect")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One gateway before all dialects, with a model for each, and one for each address that is wrong."""
    directory = tmp_path_factory.mktemp("faults")
    with contextlib.ExitStack() as stack:
        dialects = {dialect.kind: dialect for dialect in _dialects(stack)}
        hosts = {
            "refused": stack.enter_context(refusing()),
            "unknown host": UNKNOWN_HOST,
            "not TLS": stack.enter_context(in_thread(FakeGemini())).url.replace("http://", "https://"),
            "untrusted certificate": stack.enter_context(self_signed(directory)),
            "slow connect": stack.enter_context(never_accepting()),
        }
        gateway = stack.enter_context(running_gateway(directory, _config(dialects, hosts)))
        caller = Caller(gateway)
        stack.callback(caller.close)
        yield World(gateway, caller, dialects)


def _dialects(stack: contextlib.ExitStack) -> Iterator[Dialect]:
    developer = stack.enter_context(in_thread(FakeGemini()))
    vertex = stack.enter_context(in_thread(FakeVertex()))
    plain = stack.enter_context(in_thread(FakeOpenAI()))
    azure = stack.enter_context(in_thread(FakeAzure()))
    yield Dialect("gemini", "gemini", developer, {}, "gemini-3-pro-image")
    yield Dialect("vertex", "gemini", vertex, {}, "gemini-3-pro-image")
    yield Dialect("openai", "openai", plain, {}, "gpt-image-2")
    yield Dialect("azure", "openai", azure, {"api_version": API_VERSION}, azure.deployment)


def _config(dialects: Mapping[str, Dialect], hosts: Mapping[str, str]) -> dict[str, Any]:
    limits = {
        "connect_seconds": CONNECT,
        "first_byte_seconds": FIRST_BYTE,
        "read_seconds": READ,
        "total_seconds": TOTAL,
        "breaker_failures": 10_000,
    }
    upstreams, models = {}, []
    for kind, dialect in dialects.items():
        section = {"kind": kind, "api_key": dialect.fake.key, **dialect.upstream, **limits}
        upstreams[kind] = {**section, "base_url": dialect.fake.base_url}
        upstreams[f"{kind}-patient"] = {**upstreams[kind], **PATIENT}
        model = gemini_model if dialect.shape == "gemini" else openai_model
        models.append(model(f"{kind}-patient", route(f"{kind}-patient", dialect.model)))
        models.append(model(kind, route(kind, dialect.model), render_seconds=RENDER))
        for trouble, host in hosts.items():
            name = f"{kind}-{trouble.replace(' ', '-')}"
            upstreams[name] = {**section, "base_url": host}
            models.append(model(name, route(name, dialect.model), render_seconds=RENDER))
    return {"upstreams": upstreams, "models": models}


EVERYWHERE = [("gemini", "rest"), ("gemini", "grpc"), ("openai", "rest"), ("openai", "grpc")]
EVERYWHERE += [("vertex", "grpc"), ("azure", "rest")]  # the doors do not know who is behind them


@pytest.mark.parametrize(("kind", "door"), EVERYWHERE)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault(world: World, case: Case, kind: str, door: Door) -> None:
    dialect = world.dialects[kind]
    before = len(dialect.fake.requests)
    dialect.fake.script.extend(case.faults(dialect))
    told = world.caller.ask(door, dialect.shape, kind)
    left = len(dialect.fake.script)
    dialect.fake.script.clear()
    assert len(dialect.fake.requests) - before == case.calls
    assert left == 0
    if case.reason:
        check(told, case, dialect)
    else:
        assert told.ok, told
        assert told.ours["attempts"] == str(case.calls)
        assert has_image(told)
    assert told.seconds < case.seconds + SLACK


@pytest.mark.parametrize(("kind", "door"), EVERYWHERE)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_unreachable(world: World, trouble: str, kind: str, door: Door) -> None:
    dialect = world.dialects[kind]
    told = world.caller.ask(door, dialect.shape, f"{kind}-{trouble.replace(' ', '-')}")
    seconds = 2 * CONNECT + 0.5
    check(told, Case(trouble, always(), 0, UNAVAILABLE, True, "1", seconds), dialect)
    assert told.ours["attempts"] == "2"
    assert told.seconds < seconds + SLACK


def check(told: Told, case: Case, dialect: Dialect) -> None:
    """Status, reason and advice, in the caller's dialect."""
    expected = EXPECTED[case.reason]
    told_by_rest = isinstance(told.status, int)
    assert told.status == (expected.http if told_by_rest else expected.grpc), told
    if told_by_rest:
        assert told.headers["x-should-retry"] == ("true" if case.retry else "false")
    else:
        assert told.headers.get("grpc-retry-pushback-ms") == (None if case.retry else "-1")
    if told_by_rest and dialect.shape == "openai":
        assert told.body["error"]["code"] == expected.code
    else:
        assert (told.reason, told.metadata) == (case.reason, {})
    if told_by_rest and dialect.shape == "gemini":
        assert told.body["error"]["status"] == expected.grpc
    assert told.headers.get("retry-after") == case.retry_after or _nearly(told, case)
    assert told.headers["x-request-id"]
    assert told.message
    assert dialect.fake.key not in str(told)


def _nearly(told: Told, case: Case) -> bool:
    """A date has whole seconds, and some pass on the way."""
    return "date" in case.name and told.headers["retry-after"] in ("29", "30", "31")


def has_image(told: Told) -> bool:
    body = told.body
    if isinstance(told.status, int):
        found = body["data"][0]["b64_json"] if "data" in body else _inline(body)
        return str(found).startswith("iVBOR")
    data = (
        body.data[0].b64_json
        if hasattr(body, "data")
        else body.candidates[0].content.parts[1].inline_data.data
    )
    return bytes(data).startswith(b"\x89PNG")


def _inline(body: Any) -> str:
    return str(body["candidates"][0]["content"]["parts"][1]["inlineData"]["data"])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["gemini", "openai"])
def test_30_megabytes_arrive_whole(world: World, kind: str, door: Door) -> None:
    dialect = world.dialects[kind]
    before = len(dialect.fake.requests)
    dialect.fake.image = large_picture(22.5)
    try:
        told = world.caller.ask(door, dialect.shape, f"{kind}-patient")
    finally:
        dialect.fake.image = None
    assert told.ok, told
    assert has_image(told)
    assert len(dialect.fake.requests) - before == 1


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["gemini", "openai"])
def test_connection_closed_between_two_calls_costs_nothing(world: World, kind: str, door: Door) -> None:
    dialect = world.dialects[kind]
    before = len(dialect.fake.requests)
    for _ in range(5):
        dialect.fake.next(close=True)  # kept alive, says the reply; and then it is closed
        assert world.caller.ask(door, dialect.shape, kind).ours["attempts"] == "1"
    assert len(dialect.fake.requests) - before == 5


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["gemini", "openai"])
def test_kept_connection_that_dies_under_a_request_is_not_repeated(
    world: World, kind: str, door: Door
) -> None:
    dialect = world.dialects[kind]
    assert world.caller.ask(door, dialect.shape, kind).ok
    before, connections = len(dialect.fake.requests), dialect.fake.connections
    dialect.fake.next(cut_after=0)
    told = world.caller.ask(door, dialect.shape, kind)
    check(told, Case("", always(), 1, UNAVAILABLE, False), dialect)
    assert len(dialect.fake.requests) - before == 1
    assert dialect.fake.connections == connections  # it was the kept one


def test_request_that_was_not_taken_whole_is_asked_again(world: World) -> None:
    """12 MB of input: more than the sockets between hold."""
    dialect = world.dialects["gemini"]
    data = base64.b64encode(large_picture(12)).decode()
    parts = [{"text": "a lighthouse"}, {"inlineData": {"mimeType": "image/png", "data": data}}]
    before = len(dialect.fake.requests)
    dialect.fake.next(read_body=False, cut_after=0, reset=True)
    told = world.caller.post_content("gemini-patient", {"contents": [{"role": "user", "parts": parts}]})
    assert told.ok, told
    assert told.ours["attempts"] == "2"
    assert [len(request.body) > 12_000_000 for request in dialect.fake.requests[before:]] == [False, True]


def test_operator_is_told_of_what_only_the_operator_can_mend(world: World) -> None:
    for case in CASES:
        if case.name in ("401", "model gone"):
            world.dialects["openai"].fake.script.extend(case.faults(world.dialects["openai"]))
            world.caller.ask("rest", "openai", "openai")
    log = world.gateway.log.read_text()
    assert '"event": "upstream_misconfigured"' in log
    assert "Who are you?" in log
