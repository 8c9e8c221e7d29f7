"""A bug in the gateway: a proper error in every dialect, and the whole story in the log alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests.conftest import KEY, ROOT, clean_environment
from tests.gateway.faulty import BUG
from tests.gateway.providers import GOOGLE_PATH, OPENAI_PATH, content, failure, images, typed, wait_until

PROMPT = "a prompt that belongs to its caller"


@dataclass(frozen=True, slots=True)
class Faulty:
    http: str
    grpc: str
    log: Path

    def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {KEY}"}
        return httpx.post(f"http://{self.http}{path}", json=body, headers=headers, trust_env=False)

    def lines(self, request_id: str) -> list[dict[str, Any]]:
        """What the log says of one call, Envoy's line left out."""
        lines = [
            line for line in self.log.read_text().splitlines() if f'"request_id": "{request_id}"' in line
        ]
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    directory = tmp_path_factory.mktemp("faulty")
    with (
        (directory / "log").open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.faulty", str(directory / "state")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=clean_environment(ROUTERHUB_BOOTSTRAP_KEY=KEY),
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (directory / "log").read_text()
        yield Faulty(**json.loads(line), log=directory / "log")
        process.stdin.close()
        process.wait(20)


def tells_the_log_alone(faulty: Faulty, request_id: str) -> None:
    wait_until(lambda: len(faulty.lines(request_id)) == 2)  # the last is written after the reply
    unexpected, call = faulty.lines(request_id)
    assert (unexpected["event"], unexpected["level"]) == ("unexpected", "error")
    assert f"RuntimeError: {BUG}" in unexpected["exception"]
    assert "in render" in unexpected["exception"]
    assert (call["event"], call["outcome"]) == ("call", "INTERNAL")
    for secret in (PROMPT, KEY):
        assert secret not in faulty.log.read_text()


def test_google_caller_gets_a_500_with_its_request_id(faulty: Faulty) -> None:
    reply = faulty.post(GOOGLE_PATH, {"contents": [{"parts": [{"text": PROMPT}]}]})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["status"]) == (500, 500, "INTERNAL")
    assert error["message"] == "An internal error occurred."
    assert error["details"][0]["reason"] == "INTERNAL"
    assert BUG not in reply.text
    tells_the_log_alone(faulty, reply.headers["x-request-id"])


def test_openai_caller_gets_a_500_with_its_request_id(faulty: Faulty) -> None:
    reply = faulty.post(OPENAI_PATH, {"model": "gpt-image-2", "prompt": PROMPT})
    assert reply.status_code == 500
    assert reply.json() == {
        "error": {
            "message": "An internal error occurred.",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }
    tells_the_log_alone(faulty, reply.headers["x-request-id"])


@pytest.mark.parametrize("door", ["grpc", "http"])
def test_typed_caller_gets_internal_with_its_request_id(faulty: Faulty, door: str) -> None:
    metadata = (("authorization", f"Bearer {KEY}"),)
    with typed(getattr(faulty, door)) as stub:
        with pytest.raises(grpc.RpcError) as gemini:
            stub.GenerateContent(content(PROMPT), metadata=metadata, timeout=10)
        with pytest.raises(grpc.RpcError) as openai:
            stub.GenerateImages(images(PROMPT), metadata=metadata, timeout=10)
    for raised in (gemini, openai):
        told = failure(raised.value)
        assert (told.code, told.reason) == ("INTERNAL", "INTERNAL")
        assert told.message == "An internal error occurred."
        assert BUG not in repr(told)
        tells_the_log_alone(faulty, told.trailer["x-request-id"])
