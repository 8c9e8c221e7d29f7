"""Uploads that are refused, slow, torn or packed: who can still listen gets an answer in dialect."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import httpx2
import pytest

from tests.conftest import Gateway, clean_environment, running_gateway
from tests.gateway.providers import GOOGLE_PATH, OPENAI_BODY, OPENAI_PATH, bearer, images, typed, wait_until

SIZE = 27_000_000
LIMIT = 20_000_000
UPLOAD_SECONDS = 3

Answer = tuple[int, Any]
"""Status and JSON body."""
Post = Callable[[str, str, Path], Answer]
"""URL, key, file of the body -> what the client made of the answer."""

NODE = """
const {readFile} = require('node:fs/promises');
(async () => {
  const [url, key, file] = process.argv.slice(1);
  const headers = {authorization: `Bearer ${key}`, 'content-type': 'application/json'};
  const reply = await fetch(url, {method: 'POST', headers, body: await readFile(file)});
  console.log(JSON.stringify([reply.status, await reply.json()]));
})();
"""


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that takes 20 MB, and waits for them for 3 s."""
    limits = {"body_bytes": LIMIT, "upload_seconds": UPLOAD_SECONDS}
    with running_gateway(tmp_path_factory.mktemp("narrow"), {"limits": limits}) as running:
        yield running


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("body") / "body"
    path.write_bytes(b'{"prompt": "' + b"a" * SIZE + b'"}')
    return path


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": "application/json"}


def with_httpx2(url: str, key: str, body: Path) -> Answer:
    with httpx2.Client(trust_env=False, timeout=60) as client:
        reply = client.post(url, content=body.read_bytes(), headers=headers(key))
    return reply.status_code, reply.json()


def with_httpx_in_chunks(url: str, key: str, body: Path) -> Answer:
    def chunks() -> Iterator[bytes]:
        with body.open("rb") as file:
            while piece := file.read(100_000):
                yield piece

    with httpx.Client(trust_env=False, timeout=60) as client:
        reply = client.post(url, content=chunks(), headers=headers(key))
    return reply.status_code, reply.json()


def with_node(url: str, key: str, body: Path) -> Answer:
    done = subprocess.run(
        ["node", "-e", NODE, url, key, str(body)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(),
    )
    assert done.returncode == 0, done.stderr
    status, reply = json.loads(done.stdout)
    return status, reply


# requests, httpx and curl, over HTTP/1.1 and HTTP/2, are in test_envoy_uploads.py.
CLIENTS = [
    pytest.param(with_httpx2, id="httpx2"),
    pytest.param(with_httpx_in_chunks, id="chunked"),
    pytest.param(
        with_node,
        id="node",
        marks=pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    ),
]


@pytest.mark.parametrize("post", CLIENTS)
def test_bad_key_is_told_after_a_large_upload(narrow: Gateway, post: Post, body: Path) -> None:
    status, reply = post(narrow.http + OPENAI_PATH, "rh_bad", body)
    assert (status, reply["error"]["code"]) == (401, "invalid_api_key")
    status, reply = post(narrow.http + GOOGLE_PATH, "rh_bad", body)
    assert (status, reply["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("post", CLIENTS)
def test_too_large_a_body_is_told_with_the_limit(narrow: Gateway, post: Post, body: Path) -> None:
    message = f"Request payload size exceeds the limit: {LIMIT} bytes."
    status, reply = post(narrow.http + OPENAI_PATH, narrow.key, body)
    assert (status, reply["error"]["code"], reply["error"]["message"]) == (413, "request_too_large", message)
    status, reply = post(narrow.http + GOOGLE_PATH, narrow.key, body)
    assert (status, reply["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert reply["error"]["message"] == message


@pytest.mark.parametrize("post", CLIENTS)
def test_unknown_path_is_told_after_a_large_upload(narrow: Gateway, post: Post, body: Path) -> None:
    status, reply = post(narrow.http + "/v1/images/variations", narrow.key, body)
    assert (status, reply["error"]["message"]) == (404, "Invalid URL (POST /v1/images/variations)")


@pytest.mark.parametrize("through_envoy", [False, True])
def test_too_large_a_typed_message_is_told(narrow: Gateway, through_envoy: bool) -> None:
    """The gRPC library refuses it before any code of ours sees it."""
    with (
        typed(narrow.host if through_envoy else narrow.grpc) as stub,
        pytest.raises(grpc.RpcError) as refused,
    ):
        stub.GenerateImages(images("a" * SIZE), metadata=bearer(narrow), timeout=60)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"larger than max ({SIZE + 18} vs. {LIMIT})" in (refused.value.details() or "")


# --- how a body arrives ---


def connect(gateway: Gateway) -> socket.socket:
    host, _, port = gateway.host.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def head(gateway: Gateway, path: str, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {gateway.key}", "connection: close"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def rest_of(connection: socket.socket) -> str:
    """Everything that comes until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_body_in_small_chunks_is_read(narrow: Gateway) -> None:
    text = json.dumps(OPENAI_BODY | {"size": "123x123"}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, text[at : at + 1]) for at in range(len(text))) + b"0\r\n\r\n"
    with connect(narrow) as connection:
        connection.sendall(head(narrow, OPENAI_PATH, "transfer-encoding: chunked") + chunks)
        reply = rest_of(connection)
    assert reply.startswith("HTTP/1.1 400 ")
    assert "Width and height must both be divisible by 16." in reply


def test_caller_who_expects_100_is_told_to_continue(narrow: Gateway) -> None:
    with connect(narrow) as connection:
        connection.sendall(head(narrow, OPENAI_PATH, "content-length: 2", "expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"{}")
        assert rest_of(connection).startswith("HTTP/1.1 400 ")


def test_slow_upload_is_cut_in_dialect(narrow: Gateway) -> None:
    with connect(narrow) as openai, connect(narrow) as google:
        openai.sendall(head(narrow, OPENAI_PATH, f"content-length: {SIZE}") + b"{")
        google.sendall(head(narrow, GOOGLE_PATH, f"content-length: {SIZE}") + b"{")
        started = time.monotonic()
        for connection in (openai, google):
            connection.setblocking(False)
        while not (_has_bytes(openai) and _has_bytes(google)):
            for connection in (openai, google):
                connection.send(b" ")
            time.sleep(0.1)
            assert time.monotonic() - started < UPLOAD_SECONDS + 10
        for connection in (openai, google):
            connection.settimeout(10)
        for_openai, for_google = rest_of(openai), rest_of(google)
    assert time.monotonic() - started >= UPLOAD_SECONDS - 0.1
    assert for_openai.startswith("HTTP/1.1 504 ")
    assert '"message":"The request body did not arrive in time.","type":"server_error"' in for_openai
    assert for_google.startswith("HTTP/1.1 504 ")
    assert '"status":"DEADLINE_EXCEEDED"' in for_google


def _has_bytes(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def outcomes(gateway: Gateway) -> list[str]:
    """Of all calls so far, from the log."""
    lines = [line for line in gateway.log.read_text().splitlines() if '"event": "call"' in line]
    return [json.loads(line)["outcome"] for line in lines]


def test_torn_upload_leaves_nothing_behind(narrow: Gateway) -> None:
    """Not even when what did arrive is a whole request: nobody would take its image."""
    before = outcomes(narrow)
    texts = ("", "{", json.dumps(OPENAI_BODY))
    for text in texts:
        with connect(narrow) as connection:
            connection.sendall(head(narrow, OPENAI_PATH, "content-length: 1000") + text.encode())
            time.sleep(0.3)  # time to reach the server before the end does
    wait_until(lambda: len(outcomes(narrow)) == len(before) + len(texts))
    assert outcomes(narrow)[len(before) :] == ["HUNG_UP"] * len(texts)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_torn_upload_over_http2_leaves_nothing_behind(narrow: Gateway, body: Path) -> None:
    before = outcomes(narrow)
    command = ["curl", "-s", "--http2-prior-knowledge", "--limit-rate", "1M", "--max-time", "0.5"]
    command += ["-H", f"authorization: Bearer {narrow.key}", "-H", "content-type: application/json"]
    done = subprocess.run([*command, "--data-binary", f"@{body}", narrow.http + OPENAI_PATH], check=False)
    assert done.returncode == 28  # its own time limit
    wait_until(lambda: len(outcomes(narrow)) == len(before) + 1)
    assert outcomes(narrow)[-1] == "HUNG_UP"


@pytest.mark.parametrize("path", [OPENAI_PATH, GOOGLE_PATH])
@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP, identity"])
def test_packed_body_is_refused_in_plain_words(narrow: Gateway, path: str, encoding: str) -> None:
    packed = gzip.compress(json.dumps(OPENAI_BODY).encode())
    given = headers(narrow.key) | {"content-encoding": encoding}
    reply = httpx.post(narrow.http + path, content=packed, headers=given, trust_env=False, timeout=30)
    assert reply.status_code == 400
    message = "The body must not be compressed: send it without Content-Encoding."
    assert reply.json()["error"]["message"] == message


def test_large_packed_body_is_refused_too(narrow: Gateway) -> None:
    given = headers(narrow.key) | {"content-encoding": "gzip"}
    packed = os.urandom(SIZE)
    reply = httpx.post(narrow.http + OPENAI_PATH, content=packed, headers=given, trust_env=False, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")


def test_identity_is_no_packing(narrow: Gateway) -> None:
    given = headers(narrow.key) | {"content-encoding": "identity"}
    reply = httpx.post(narrow.http + OPENAI_PATH, content=b"{}", headers=given, trust_env=False, timeout=30)
    assert reply.json()["error"]["code"] == "missing_required_parameter"
