"""deploy/envoy-typed.yaml: Envoy's plain transcoder on the typed service, the alternative to envoy.yaml."""

import asyncio
import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image

from routerhub_server.envoy.admin import AdminClient
from tests.conftest import Gateway
from tests.gateway.conftest import ROOT

OPENAI = "/v1/images/generations"
GEMINI = "/v1beta/models/google/gemini-2.5-flash-image:generateContent"
PROMPT = {"contents": [{"parts": [{"text": "a lighthouse"}]}]}


@pytest.fixture(scope="module")
def url(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("typed")
    config = yaml.safe_load((ROOT / "deploy" / "envoy-typed.yaml").read_text())
    resources = config["static_resources"]
    resources["listeners"][0]["address"]["socket_address"]["port_value"] = 0
    endpoint = resources["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"]["port_value"] = int(gateway.grpc.rpartition(":")[2])
    config["admin"]["address"] = {"pipe": {"path": str(directory / "admin")}}
    (directory / "envoy.yaml").write_text(yaml.safe_dump(config))
    envoy = str(Path(sys.executable).with_name("envoy"))
    command = [envoy, "--disable-hot-restart", "--concurrency", "1", "--log-level", "error", "--config-path"]
    with subprocess.Popen([*command, str(directory / "envoy.yaml")], cwd=ROOT) as process:
        try:
            yield f"http://127.0.0.1:{port(directory / 'admin')}"
        finally:
            process.terminate()


def port(admin: Path) -> int:
    async def wait() -> int:
        client = AdminClient(admin)
        while True:
            try:
                if await client.ready():
                    return await client.listening_port("public")
            except OSError:
                pass
            await asyncio.sleep(0.05)

    return asyncio.run(asyncio.wait_for(wait(), 20))


def post(gateway: Gateway, url: str, body: Any, **headers: str) -> httpx.Response:
    given = {"authorization": f"Bearer {gateway.key}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(url, json=body, headers=given)


def without_volatile(reply: httpx.Response) -> Any:
    body = reply.json()
    for name in ("created", "responseId"):
        body.pop(name, None)
    return body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (OPENAI, {"model": "openai/gpt-image-2", "prompt": "a lighthouse", "size": "1024x1024"}),
        (
            OPENAI,
            {
                "model": "gpt-image-2",
                "prompt": "x",
                "output_format": "jpeg",
                "output_compression": 40,
                "n": 2,
            },
        ),
        (GEMINI, PROMPT),
        (GEMINI, PROMPT | {"generationConfig": {"imageConfig": {"aspectRatio": "16:9"}}}),
        ("/v1/models/gemini-2.5-flash-image:generateContent", PROMPT),
        ("/v1beta/google/gemini-2.5-flash-image:generateContent", PROMPT),
    ],
)
def test_both_configurations_give_the_same_image(gateway: Gateway, url: str, path: str, body: Any) -> None:
    typed, rest = (post(gateway, base + path, body) for base in (url, gateway.http))
    assert (typed.status_code, rest.status_code) == (200, 200)
    assert without_volatile(typed) == without_volatile(rest)


def test_images_of_megabytes_pass_both_ways(gateway: Gateway, url: str) -> None:
    picture = io.BytesIO()
    noise = Image.effect_noise((3000, 2000), 100)
    Image.merge("RGB", [noise, noise.transpose(Image.Transpose.ROTATE_180), noise]).save(picture, "PNG")
    assert len(picture.getvalue()) > 8_000_000
    data = {"mimeType": "image/png", "data": base64.b64encode(picture.getvalue()).decode()}
    reply = post(gateway, url + GEMINI, {"contents": [{"parts": [{"text": "edit"}, {"inlineData": data}]}]})
    assert reply.status_code == 200
    parts = reply.json()["candidates"][0]["content"]["parts"]
    image = next(part["inlineData"]["data"] for part in parts if "inlineData" in part)
    Image.open(io.BytesIO(base64.b64decode(image))).verify()


def test_models_are_listed(gateway: Gateway, url: str) -> None:
    with httpx.Client(trust_env=False, headers={"x-goog-api-key": gateway.key}) as client:
        listed = client.get(f"{url}/v1beta/models").json()
        assert listed == client.get(f"{gateway.http}/v1beta/models").json()
        one = client.get(f"{url}/v1beta/models/google%2Fgemini-2.5-flash-image").json()
    assert one in listed["models"]


def test_errors_are_the_status_as_json(gateway: Gateway, url: str) -> None:
    reply = post(gateway, url + OPENAI, {"model": "no-such-model", "prompt": "x"})
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["code"] == 3
    assert reply.json()["details"][0]["reason"] == "INVALID_MODEL"


def test_unknown_fields_are_dropped_as_documented(gateway: Gateway, url: str) -> None:
    body = {"model": "gpt-image-2", "prompt": "x", "no_such_field": 1}
    assert post(gateway, url + OPENAI, body).status_code == 200


@pytest.mark.parametrize("query", ["model=evil", "mod%65l=evil", "generation_config.top_k=x", "unknown=1"])
def test_the_query_overrides_nothing(gateway: Gateway, url: str, query: str) -> None:
    reply = post(
        gateway, f"{url}{GEMINI}?{query}", PROMPT, grpc_timeout="1n", x_envoy_retry_on="5xx", x_bin="!"
    )
    assert reply.status_code == 200
    assert not any(name.startswith(("grpc-", "x-envoy-")) for name in reply.headers)


@pytest.mark.parametrize("path", ["/nowhere", "/routerhub.images.v1.RestService/GenerateImages"])
def test_unknown_paths_are_json(gateway: Gateway, url: str, path: str) -> None:
    reply = post(gateway, url + path, {})
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/json")
    assert reply.json()["code"] == 404


def test_grpc_passes(url: str) -> None:
    with grpc.insecure_channel(url.removeprefix("http://")) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1
