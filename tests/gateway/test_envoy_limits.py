"""Bounds: of headers, of buffers, and of what one caller can do to the others."""

import contextlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.gateway.conftest import Front
from tests.gateway.dialects import check_google, check_openai

GEMINI = "/v1beta/models/gemini-x:generateContent"
OPENAI = "/v1/images/generations"
SIZE = 20_000_000


@pytest.mark.parametrize("kib", [1, 2, 4, 6, 7])
def test_headers_within_the_limit_reach_the_server(front: Front, kib: int) -> None:
    report = front.request("POST", OPENAI, json={}, headers={"x-long": "a" * kib * 1024}).json()
    assert len(report["metadata"]["x-long"]) == kib * 1024


@pytest.mark.parametrize("kib", [8, 9, 16, 20, 32, 60, 64])
@pytest.mark.parametrize("pieces", [1, 50])
def test_longer_headers_are_a_431_in_dialect(front: Front, kib: int, pieces: int) -> None:
    headers = {f"x-long-{index}": "a" * (kib * 1024 // pieces) for index in range(pieces)}
    check_google(front.request("GET", GEMINI, headers=headers), 431, "INVALID_ARGUMENT")
    check_openai(front.request("GET", OPENAI, headers=headers), 431, "invalid_request_error")


@pytest.mark.parametrize("count", [300, 900])
def test_many_short_headers_are_a_431_in_dialect(front: Front, count: int) -> None:
    headers = {f"a{index}": "b" for index in range(count)}
    check_openai(front.request("GET", OPENAI, headers=headers), 431, "invalid_request_error")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("kib", [8, 16, 60])
def test_longer_headers_over_http2_are_a_431_in_dialect(front: Front, kib: int, tmp_path: Path) -> None:
    """With curl: httpx would need a package more to speak HTTP/2."""
    header = tmp_path / "header"
    header.write_text("x-long: " + "a" * kib * 1024)
    command = [
        "curl",
        "-s",
        "--http2-prior-knowledge",
        "--header",
        f"@{header}",
        f"http://{front.host}{OPENAI}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["error"]["message"] == "The request headers are larger than 8 KiB."


def test_a_long_path_is_a_431_too(front: Front) -> None:
    check_google(front.request("GET", "/v1beta/models/" + "a" * 9000), 431, "INVALID_ARGUMENT")


def test_twenty_stalled_readers_do_not_slow_the_others(front: Front) -> None:
    request = (
        f"POST {OPENAI} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
        f'x-echo: {{"bytes": {SIZE}}}\r\nconnection: close\r\n\r\n{{}}'
    ).encode()
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(front.connect()) for _ in range(20)]
        for reader in readers:
            reader.sendall(request)
        for reader in readers:
            assert reader.recv(9) == b"HTTP/1.1 "  # and then reads no more
        waits = [_timed_call(front) for _ in range(20)]
        assert sorted(waits)[10] < 0.2
        assert max(waits) < 2
        # The first of them wakes up and gets all of its reply.
        received = 9
        while piece := readers[0].recv(1 << 20):
            received += len(piece)
        assert received > SIZE


def test_twenty_stalled_uploads_do_not_slow_the_others(front: Front) -> None:
    head = f"POST {OPENAI} HTTP/1.1\r\nhost: x\r\ncontent-length: {SIZE}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(front.connect()).sendall(head + bytes(1_000_000))
        waits = [_timed_call(front) for _ in range(20)]
        assert sorted(waits)[10] < 0.2
        assert max(waits) < 2


def _timed_call(front: Front) -> float:
    started = time.monotonic()
    assert front.request("POST", OPENAI, {"bytes": 300_000}, content=bytes(300_000)).status_code == 200
    return time.monotonic() - started


def test_a_hang_up_while_waiting_cancels_the_call(front: Front) -> None:
    """The server sees it at once; the access log tells that it did not answer."""
    with front.connect() as connection:
        connection.sendall(
            f"POST {OPENAI} HTTP/1.1\r\nhost: x\r\nuser-agent: impatient\r\ncontent-length: 2\r\n"
            'x-echo: {"sleep": 60}\r\n\r\n{}'.encode()
        )
        time.sleep(0.3)
    until = time.monotonic() + 10
    while not (lines := [line for line in front.log.read_text().splitlines() if "impatient" in line]):
        assert time.monotonic() < until
        time.sleep(0.1)
    line = json.loads(lines[0])
    assert line["flags"] == "DC"
    assert line["duration_ms"] < 2000
