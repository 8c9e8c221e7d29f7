"""Whose time limit ends a call, how the caller is told, and that the provider's call ends with it."""

import contextlib
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator

import grpc
import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes.server import FakeServer, Fault, Received
from tests.gateway.providers import (
    GOOGLE_BODY,
    GOOGLE_PATH,
    OPENAI_BODY,
    OPENAI_PATH,
    Providers,
    bearer,
    beside,
    content,
    failure,
    images,
    post,
    providers,
    typed,
    wait_until,
)

CALL_SECONDS = 2.5
AT_ONCE = 1.0
"""Seconds within which a provider must see that its caller has gone."""


@pytest.fixture(scope="module")
def behind() -> Iterator[Providers]:
    """Providers that never answer."""
    with providers() as running:
        running.gemini.otherwise = running.openai.otherwise = Fault(hang=True)
        yield running


@pytest.fixture(scope="module")
def patient(behind: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of them, whose own limit is longer than those of most callers here."""
    config = {"upstreams": behind.upstreams, "limits": {"call_seconds": CALL_SECONDS}}
    with running_gateway(tmp_path_factory.mktemp("patient"), config) as gateway:
        yield gateway


@contextlib.contextmanager
def one_more(fake: FakeServer) -> Iterator[Callable[[], Received]]:
    """The request that arrives at `fake` while the context lasts."""
    before = len(fake.requests)

    def arrived() -> Received:
        wait_until(lambda: len(fake.requests) > before)
        return fake.requests[before]

    yield arrived
    assert len(fake.requests) == before + 1


def ends_at_once(request: Received) -> None:
    wait_until(request.hung_up.is_set, AT_ONCE)


@pytest.mark.parametrize("through_envoy", [False, True])
def test_grpc_deadline_ends_the_providers_call(
    patient: Gateway, behind: Providers, through_envoy: bool
) -> None:
    address = patient.host if through_envoy else patient.grpc
    with typed(address) as stub, one_more(behind.openai) as arrived:
        with pytest.raises(grpc.RpcError) as raised:
            stub.GenerateImages(images(), metadata=bearer(patient), timeout=0.7)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        ends_at_once(arrived())


def test_server_timeout_bounds_a_google_call(patient: Gateway, behind: Providers) -> None:
    with one_more(behind.gemini) as arrived:
        reply = post(patient, GOOGLE_PATH, GOOGLE_BODY, x_server_timeout="1")
        ends_at_once(arrived())
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["status"]) == (504, 504, "DEADLINE_EXCEEDED")
    assert error["details"][0]["reason"] == "DEADLINE_EXCEEDED"
    assert 1 <= reply.elapsed.total_seconds() < CALL_SECONDS


def test_read_timeout_bounds_an_openai_call(patient: Gateway, behind: Providers) -> None:
    with one_more(behind.openai) as arrived:
        reply = post(patient, OPENAI_PATH, OPENAI_BODY, x_stainless_read_timeout="0.8")
        ends_at_once(arrived())
    assert reply.status_code == 504
    assert reply.json()["error"] == {
        "message": "The deadline passed before the image was ready.",
        "type": "server_error",
        "param": None,
        "code": "deadline_exceeded",
    }
    # SDKs repeat a 504 by themselves, and the provider may have charged for this one.
    assert reply.headers["x-should-retry"] == "false"
    assert 0.8 <= reply.elapsed.total_seconds() < CALL_SECONDS


def test_timeout_in_metadata_is_told_with_its_reason(patient: Gateway, behind: Providers) -> None:
    with typed(patient.grpc) as stub, one_more(behind.gemini) as arrived:
        with pytest.raises(grpc.RpcError) as raised:
            stub.GenerateContent(content(), metadata=bearer(patient, ("x-server-timeout", "0.5")), timeout=9)
        ends_at_once(arrived())
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    told = failure(raised.value)
    assert (told.reason, told.trailer["grpc-retry-pushback-ms"]) == ("DEADLINE_EXCEEDED", "-1")


def test_own_limit_bounds_every_call(patient: Gateway, behind: Providers) -> None:
    with typed(patient.grpc) as stub, beside() as run:
        google = run(post, patient, GOOGLE_PATH, GOOGLE_BODY, x_server_timeout="600")
        openai = run(post, patient, OPENAI_PATH, OPENAI_BODY)
        direct = run(stub.GenerateImages, images(), metadata=bearer(patient), timeout=20)
    assert (google.result().status_code, openai.result().status_code) == (504, 504)
    assert CALL_SECONDS <= openai.result().elapsed.total_seconds() < CALL_SECONDS + 2
    assert failure(direct.exception()).reason == "DEADLINE_EXCEEDED"
    for request in (*behind.gemini.requests[-1:], *behind.openai.requests[-2:]):
        ends_at_once(request)


def test_render_limit_is_the_upstreams_timeout(
    start_gateway: Callable[..., Gateway], behind: Providers
) -> None:
    gateway = start_gateway({"upstreams": behind.upstreams, "limits": {"render_seconds": 0.5}})
    with typed(gateway.grpc) as stub, beside() as run:
        google = run(post, gateway, GOOGLE_PATH, GOOGLE_BODY)
        openai = run(post, gateway, OPENAI_PATH, OPENAI_BODY)
        direct = run(stub.GenerateImages, images(), metadata=bearer(gateway), timeout=20)
    error = google.result().json()["error"]
    assert (google.result().status_code, error["status"]) == (504, "DEADLINE_EXCEEDED")
    assert error["details"][0]["reason"] == "UPSTREAM_TIMEOUT"
    assert (openai.result().status_code, openai.result().json()["error"]["code"]) == (
        504,
        "upstream_timeout",
    )
    assert openai.result().headers["x-should-retry"] == "false"
    told = failure(direct.exception())
    assert (told.reason, told.trailer["grpc-retry-pushback-ms"]) == ("UPSTREAM_TIMEOUT", "-1")
    for request in (*behind.gemini.requests[-1:], *behind.openai.requests[-2:]):
        ends_at_once(request)


def test_hang_up_over_http1_ends_the_providers_call(patient: Gateway, behind: Providers) -> None:
    body = json.dumps(OPENAI_BODY)
    head = (
        f"POST {OPENAI_PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {patient.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    host, _, port = patient.host.partition(":")
    with one_more(behind.openai) as arrived:
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall((head + body).encode())
            request = arrived()
        ends_at_once(request)
    wait_until(lambda: '"outcome": "HUNG_UP"' in patient.log.read_text())


def test_hang_up_over_http2_ends_the_providers_call(patient: Gateway, behind: Providers) -> None:
    arguments = ["curl", "-s", "--http2-prior-knowledge", f"{patient.http}{GOOGLE_PATH}"]
    arguments += ["-H", f"x-goog-api-key: {patient.key}", "-H", "content-type: application/json"]
    with one_more(behind.gemini) as arrived:
        with subprocess.Popen([*arguments, "-d", json.dumps(GOOGLE_BODY)]) as curl:
            request = arrived()
            curl.send_signal(signal.SIGKILL)
        ends_at_once(request)


@pytest.mark.parametrize("through_envoy", [False, True])
def test_cancelled_grpc_call_ends_the_providers_call(
    patient: Gateway, behind: Providers, through_envoy: bool
) -> None:
    address = patient.host if through_envoy else patient.grpc
    with typed(address) as stub, one_more(behind.gemini) as arrived:
        call = stub.GenerateContent.future(content(), metadata=bearer(patient), timeout=20)
        request = arrived()
        call.cancel()
        ends_at_once(request)
