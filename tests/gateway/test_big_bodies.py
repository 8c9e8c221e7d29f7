"""Many megabytes each way, on every door: they pass, unchanged to the byte, in bounded memory."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.conftest import Gateway, running_gateway
from tests.fakes.pictures import large_picture
from tests.fakes.server import Fault
from tests.gateway.providers import (
    GOOGLE_BODY,
    GOOGLE_PATH,
    OPENAI_BODY,
    OPENAI_PATH,
    Providers,
    bearer,
    content,
    images,
    post,
    providers,
    typed,
)
from tests.gateway.resources import processes_of

INPUTS = [large_picture(5) for _ in range(5)]
OUTPUT = b"\x89PNG\r\n\x1a\n" + os.urandom(20_000_000)  # nobody on the way looks inside
MARKER = "a lighthouse [sandbox:bytes=20000000]"

Call = Callable[[Gateway, Path], bytes]
"""An edit of INPUTS; returns the image that came."""


@pytest.fixture(scope="module")
def behind() -> Iterator[Providers]:
    with providers() as running:
        running.gemini.image = running.openai.image = OUTPUT
        yield running


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory, behind: Providers) -> Iterator[Gateway]:
    """A gateway in front of the fake providers."""
    with running_gateway(tmp_path_factory.mktemp("passing"), {"upstreams": behind.upstreams}) as running:
        yield running


def edit_body() -> dict[str, Any]:
    blobs = [{"mimeType": "image/png", "data": base64.b64encode(data).decode()} for data in INPUTS]
    return {"contents": [{"parts": [*({"inlineData": blob} for blob in blobs), {"text": "mix them"}]}]}


def image_of(reply: dict[str, Any]) -> bytes:
    return base64.b64decode(reply["candidates"][0]["content"]["parts"][1]["inlineData"]["data"])


def edit_over_http1(gateway: Gateway, _directory: Path) -> bytes:
    reply = post(gateway, GOOGLE_PATH, edit_body())
    assert reply.status_code == 200, reply.text[:500]
    return image_of(reply.json())


def edit_over_http2(gateway: Gateway, directory: Path) -> bytes:
    (directory / "body").write_text(json.dumps(edit_body()))
    command = ["curl", "-s", "--fail", "--http2-prior-knowledge", "-H", "content-type: application/json"]
    command += ["-H", f"x-goog-api-key: {gateway.key}", "--data-binary", f"@{directory / 'body'}"]
    done = subprocess.run([*command, gateway.http + GOOGLE_PATH], capture_output=True, check=True, timeout=60)
    return image_of(json.loads(done.stdout))


def edit_over_grpc(address: Callable[[Gateway], str]) -> Call:
    def call(gateway: Gateway, _directory: Path) -> bytes:
        request = content("mix them")
        for data in INPUTS:
            blob = request.contents[0].parts.add().inline_data
            blob.mime_type, blob.data = "image/png", data
        with typed(address(gateway)) as stub:
            reply = stub.GenerateContent(request, metadata=bearer(gateway), timeout=60)
        output: bytes = reply.candidates[0].content.parts[1].inline_data.data
        return output

    return call


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(edit_over_http1, id="http1"),
        pytest.param(
            edit_over_http2,
            id="http2",
            marks=pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
        ),
        pytest.param(edit_over_grpc(lambda gateway: gateway.grpc), id="grpc"),
        pytest.param(edit_over_grpc(lambda gateway: gateway.host), id="grpc-through-envoy"),
    ],
)
def test_25_mb_of_images_and_a_20_mb_reply_pass_unchanged(
    passing: Gateway, behind: Providers, tmp_path: Path, call: Call
) -> None:
    assert sum(map(len, INPUTS)) > 25_000_000
    behind.gemini.requests.clear()
    assert call(passing, tmp_path) == OUTPUT
    (request,) = behind.gemini.requests
    parts = request.json["contents"][0]["parts"]
    received = [base64.b64decode(part["inlineData"]["data"]) for part in parts if "inlineData" in part]
    assert received == INPUTS


def test_20_mb_reply_of_openai_passes_unchanged(passing: Gateway) -> None:
    reply = post(passing, OPENAI_PATH, OPENAI_BODY)
    assert base64.b64decode(reply.json()["data"][0]["b64_json"]) == OUTPUT
    for address in (passing.grpc, passing.host):
        with typed(address) as stub:
            answer = stub.GenerateImages(images(), metadata=bearer(passing), timeout=60)
        assert answer.data[0].b64_json == OUTPUT


def test_20_mb_image_of_the_sandbox_opens_on_both_doors(gateway: Gateway) -> None:
    reply = post(gateway, OPENAI_PATH, OPENAI_BODY | {"prompt": MARKER})
    over_rest = base64.b64decode(reply.json()["data"][0]["b64_json"])
    with typed(gateway.grpc) as stub:
        answer = stub.GenerateImages(images(MARKER), metadata=bearer(gateway), timeout=60)
    assert answer.data[0].b64_json == over_rest
    assert len(over_rest) >= 20_000_000
    Image.open(BytesIO(over_rest)).verify()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_eight_big_edits_at_once_stay_in_bounded_memory(
    passing: Gateway, behind: Providers, record_property: Callable[[str, object], None]
) -> None:
    """Peaks go to the JUnit report; `python -m bench.cost memory` prints more of them."""
    processes = processes_of(passing)
    processes.server.forget_peak()
    processes.envoy.forget_peak()
    body = json.dumps(edit_body()).encode()
    prepared = post(passing, GOOGLE_PATH, GOOGLE_BODY).content
    behind.gemini.otherwise = Fault(status=200, body=prepared)  # the fake would check 35 MB eight times
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(status_of_edit, passing, body) for _ in range(8)]
    behind.gemini.otherwise = Fault()
    assert [call.result() for call in calls] == [200] * 8
    peaks = {"server": processes.server.peak_mib(), "envoy": processes.envoy.peak_mib()}
    for name, mib in peaks.items():
        record_property(f"{name}_peak_mib", mib)
    # Half as much again as is usual: the server holds 35 MB of JSON and a 27 MB reply of each, Envoy nothing.
    assert peaks["server"] < 1800
    assert peaks["envoy"] < 150


def status_of_edit(gateway: Gateway, body: bytes) -> int:
    headers = {"x-goog-api-key": gateway.key, "content-type": "application/json"}
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(gateway.http + GOOGLE_PATH, content=body, headers=headers).status_code
