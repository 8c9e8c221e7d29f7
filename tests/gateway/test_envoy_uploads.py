"""Refusals reach callers who are still uploading: the server reads on, in bounds, before it answers."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from tests.conftest import Gateway

SIZE = 27_000_000
OPENAI = "/v1/images/generations"
GEMINI = "/v1beta/models/gemini-2.5-flash-image:generateContent"
Answer = tuple[int, dict[str, Any]]
Post = Callable[[str, str, Path], Answer]


def with_httpx(url: str, key: str, body: Path) -> Answer:
    with httpx.Client(trust_env=False, timeout=60) as client:
        reply = client.post(url, content=body.read_bytes(), headers=headers(key))
    return reply.status_code, reply.json()


def with_requests(url: str, key: str, body: Path) -> Answer:
    with requests.Session() as session:
        session.trust_env = False
        reply = session.post(url, data=body.read_bytes(), headers=headers(key), timeout=60)
    return reply.status_code, reply.json()


def with_curl(*options: str) -> Post:
    def post(url: str, key: str, body: Path) -> Answer:
        given = [option for pair in headers(key).items() for option in ("-H", "{}: {}".format(*pair))]
        command = ["curl", "-s", *options, *given, "--data-binary", f"@{body}", "-w", "\n%{http_code}", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(text)

    return post


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": "application/json"}


curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
CLIENTS = [
    pytest.param(with_httpx, id="httpx"),
    pytest.param(with_requests, id="requests"),
    pytest.param(with_curl("--http1.1"), id="curl", marks=curl),
    pytest.param(with_curl("--http1.1", "-H", "expect:"), id="curl-no-expect", marks=curl),
    pytest.param(with_curl("--http2-prior-knowledge"), id="curl-http2", marks=curl),
]


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("body") / "body"
    path.write_bytes(b"{" + bytes(SIZE))
    return path


@pytest.fixture(scope="module")
def oversized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("body") / "body"
    path.write_bytes(b"{" + bytes(70_000_000))
    return path


@pytest.mark.parametrize("post", CLIENTS)
def test_a_bad_key_is_told_after_a_large_upload(gateway: Gateway, post: Post, body: Path) -> None:
    status, reply = post(gateway.http + OPENAI, "rh_bad", body)
    assert (status, reply["error"]["code"]) == (401, "invalid_api_key")
    status, reply = post(gateway.http + GEMINI, "rh_bad", body)
    assert (status, reply["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("post", CLIENTS)
def test_too_large_a_body_is_told(gateway: Gateway, post: Post, oversized: Path) -> None:
    status, reply = post(gateway.http + OPENAI, gateway.key, oversized)
    assert (status, reply["error"]["code"]) == (413, "request_too_large")
    status, reply = post(gateway.http + GEMINI, gateway.key, oversized)
    assert (status, reply["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("post", CLIENTS)
def test_an_unknown_path_is_told_after_a_large_upload(gateway: Gateway, post: Post, body: Path) -> None:
    status, reply = post(gateway.http + "/v1/images/variations", gateway.key, body)
    assert status == 404
    assert reply["error"]["type"] == "invalid_request_error"
