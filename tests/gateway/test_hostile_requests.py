"""Requests made to hurt: what a client can put into headers, paths and messages."""

import json
import socket
import subprocess
import time
from typing import Any

import grpc
import pytest

from routerhub.images.v1 import openai_images_pb2
from tests.conftest import KEY, Gateway

OPENAI = "/v1/images/generations"
BAD = json.dumps({"model": "gpt-image-2", "prompt": "x", "n": 0}).encode()


def raw(gateway: Gateway, request: bytes, seconds: float = 8) -> bytes:
    """Send these very bytes and read until the server closes or falls silent."""
    host, _, port = gateway.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def head(method: str, path: bytes, *lines: bytes) -> bytes:
    key = b"authorization: Bearer " + KEY.encode()
    first = method.encode() + b" " + path + b" HTTP/1.1"
    return b"\r\n".join([first, b"host: x", b"connection: close", key, *lines, b"", b""])


def answer(received: bytes) -> tuple[int, Any]:
    """Status and JSON body; the body may be chunked."""
    top, _, body = received.partition(b"\r\n\r\n")
    start, end = body.index(b"{"), body.rindex(b"}")
    return int(top.split(b" ")[1]), json.loads(body[start : end + 1])


def test_announced_length_cannot_be_forged(gateway: Gateway) -> None:
    started = time.monotonic()
    request = head(
        "POST",
        OPENAI.encode(),
        b"content-type: application/json",
        b"transfer-encoding: chunked",
        b"x-routerhub-content-length: 99999",
    )
    status, body = answer(raw(gateway, request + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BAD), BAD)))
    assert (status, body["error"]["param"]) == (400, "n")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("method", "path", "lines", "expected"),
    [
        ("GET", b"/v1/models/%ff", (), 404),
        ("GET", b"/v1/models/\xff", (), 400),
        ("POST", b"/v1beta/models/%ff:generateContent", (b"content-length: 2",), 404),
        ("POST", b"/v1beta/models/a%ffb:generateContent", (b"content-length: 2",), 404),
        ("POST", b"/v1/images/generations", (b"content-type: \xff", b"content-length: 2"), 400),
    ],
)
def test_bytes_that_are_no_utf8_are_refused(
    gateway: Gateway, method: str, path: bytes, lines: tuple[bytes, ...], expected: int
) -> None:
    body = b"{}" if method == "POST" else b""
    status, reply = answer(raw(gateway, head(method, path, *lines) + body))
    assert (status, "error" in reply) == (expected, True)


def test_rest_replies_have_no_grpc_trailers(gateway: Gateway) -> None:
    done = subprocess.run(
        [
            *("curl", "-s", "-i", "--http2-prior-knowledge", f"{gateway.http}/v1/models"),
            *("-H", f"Authorization: Bearer {KEY}"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert "200" in done.stdout.splitlines()[0]
    assert "grpc-" not in done.stdout


def call(address: str, message: bytes) -> grpc.RpcError:
    with grpc.insecure_channel(address) as channel:
        method = channel.unary_unary(
            "/routerhub.images.v1.ImageGenerationService/GenerateImages",
            request_serializer=lambda data: data,
            response_deserializer=openai_images_pb2.GenerateImagesResponse.FromString,
        )
        with pytest.raises(grpc.RpcError) as refused:
            method(message, metadata=(("authorization", f"Bearer {KEY}"),), timeout=20)
    return refused.value


@pytest.mark.parametrize("message", [b"\x0a\x02\xff\xfe", b"\xff\xff\xff"])
def test_torn_message_is_malformed_and_tells_nothing(gateway: Gateway, message: bytes) -> None:
    for address in (gateway.grpc, gateway.host):
        error: Any = call(address, message)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error.details() == "The message could not be parsed."
        assert "x-request-id" in dict(error.trailing_metadata())


def test_unknown_field_of_a_typed_request_is_named(gateway: Gateway) -> None:
    request = openai_images_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="x")
    request.svg.model = "m"
    known = request.SerializeToString()
    error: Any = call(gateway.grpc, known + b"\xba\x3e\x01z")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "Unknown field number 999: Cannot find field."
    error = call(gateway.grpc, known)
    assert "svg" in error.details()
