"""The ways into the gateway, seen alike: what is asked is JSON, what comes back a message or a failure."""

import asyncio
import contextlib
import json
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx
import yaml
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerateContentResponse
from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.envoy.admin import AdminClient
from tests.conftest import ROOT

Json = dict[str, Any]
Response = GenerateContentResponse | GenerateImagesResponse
SECONDS = 30
RPC = "type.googleapis.com/google.rpc."


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `model` stands in the path of Gemini's and in the body of OpenAI's, as each has it."""

    interface: str
    """`gemini` or `openai`."""
    model: str
    body: Json
    key: str | None = "right"
    """`right`, another text as it stands, or None for none."""

    @property
    def path(self) -> str:
        if self.interface == "openai":
            return "/v1/images/generations"
        return f"/v1beta/models/{self.model}:generateContent"

    @property
    def json(self) -> Json:
        return ({"model": self.model} if self.interface == "openai" and self.model else {}) | self.body

    def headers(self, right: str) -> dict[str, str]:
        key = right if self.key == "right" else self.key
        return {"authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    """`google.rpc.Code` name."""
    message: str
    reason: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[tuple[str, str, str]] = ()
    """Field, description and reason of each."""
    retry_delay: str = ""
    retry_after: str = ""
    """The header, or the trailing metadata."""


@dataclass(frozen=True, slots=True)
class OpenAIFailure:
    """What OpenAI's error body has room for."""

    http: int
    message: str
    type: str
    param: str | None
    code: str | None
    moderation_details: Mapping[str, Any] | None = None
    """With blocked content alone."""
    retry_after: str = ""


class Door:
    """One way in, for callers with this key."""

    def __init__(self, address: str, key: str) -> None:
        self.address = address
        self.key = key

    @abstractmethod
    def ask(self, asked: Asked) -> Response | Failure | OpenAIFailure: ...


class TypedDoor(Door):
    """gRPC, at `host:port`."""

    def ask(self, asked: Asked) -> Response | Failure:
        options = (("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0))
        metadata = tuple(asked.headers(self.key).items())
        with grpc.insecure_channel(self.address, options=options) as channel:
            stub: Any = ImageGenerationServiceStub(channel)
            try:
                response: Response = self._call(stub, asked)(metadata=metadata, timeout=SECONDS)
                return response
            except grpc.RpcError as error:
                return _of_status(error)

    def _call(self, stub: Any, asked: Asked) -> Any:
        if asked.interface == "openai":
            images = json_format.ParseDict(asked.json, GenerateImagesRequest())
            return partial(stub.GenerateImages, images)
        content = json_format.ParseDict(asked.json | {"model": asked.model}, GenerateContentRequest())
        return partial(stub.GenerateContent, content)


class RestDoor(Door):
    """HTTP, at `http://host:port`."""

    def post(self, asked: Asked, content: bytes | None = None) -> httpx.Response:
        headers = asked.headers(self.key) | {"content-type": "application/json"}
        with httpx.Client(trust_env=False, timeout=SECONDS) as client:
            return client.post(
                self.address + asked.path, content=content or json.dumps(asked.json), headers=headers
            )

    def ask(self, asked: Asked) -> Response | Failure | OpenAIFailure:
        reply = self.post(asked)
        if reply.status_code == 200:
            gemini = asked.interface == "gemini"
            message = GenerateContentResponse() if gemini else GenerateImagesResponse()
            return json_format.Parse(reply.content, message)
        return self.failure(asked, reply)

    def failure(self, asked: Asked, reply: httpx.Response) -> Failure | OpenAIFailure:
        error, retry_after = reply.json()["error"], reply.headers.get("retry-after", "")
        if asked.interface == "openai":
            return OpenAIFailure(reply.status_code, **error, retry_after=retry_after)
        assert error["code"] == reply.status_code
        return _of_json(error["status"], error, retry_after)


class TranscodedDoor(RestDoor):
    """HTTP, through Envoy's plain transcoder: errors are the gRPC status as JSON, in both interfaces."""

    def failure(self, asked: Asked, reply: httpx.Response) -> Failure:
        status = reply.json()
        return _of_json(code_pb2.Code.Name(status["code"]), status, reply.headers.get("retry-after", ""))


@contextlib.contextmanager
def transcoder(directory: Path, grpc_address: str) -> Iterator[str]:
    """deploy/envoy-typed.yaml in front of the typed service: its `http://host:port`."""
    config = yaml.safe_load((ROOT / "deploy/envoy-typed.yaml").read_text())
    resources = config["static_resources"]
    resources["listeners"][0]["address"]["socket_address"]["port_value"] = 0
    endpoint = resources["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"]["port_value"] = int(grpc_address.rpartition(":")[2])
    config["admin"]["address"] = {"pipe": {"path": str(directory / "admin")}}
    path = directory / "envoy.yaml"
    path.write_text(yaml.safe_dump(config))
    envoy = [str(Path(sys.executable).with_name("envoy")), "--log-level", "error", "--config-path", str(path)]
    subprocess.run([*envoy, "--mode", "validate"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen([*envoy, "--disable-hot-restart", "--concurrency", "1"], cwd=ROOT) as process:
        try:
            yield f"http://127.0.0.1:{asyncio.run(asyncio.wait_for(_port(directory / 'admin'), SECONDS))}"
        finally:
            process.terminate()


async def _port(admin: Path) -> int:
    client = AdminClient(admin)
    while True:
        with contextlib.suppress(OSError):
            if await client.ready():
                return await client.listening_port("public")
        await asyncio.sleep(0.05)


def _of_status(error: Any) -> Failure:
    trailer = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailer["grpc-status-details-bin"])
    assert (status.code, status.message) == (error.code().value[0], error.details())
    assert trailer["x-request-id"]
    details = json_format.MessageToDict(status)["details"]
    return _failure(error.code().name, status.message, details, trailer.get("retry-after", ""))


def _of_json(code: str, error: Json, retry_after: str) -> Failure:
    return _failure(code, error["message"], error["details"], retry_after)


def _failure(code: str, message: str, details: list[Json], retry_after: str) -> Failure:
    by_type = {detail["@type"].removeprefix(RPC): detail for detail in details}
    assert error_details_pb2.ErrorInfo.DESCRIPTOR.name in by_type
    info, bad = by_type["ErrorInfo"], by_type.get("BadRequest", {})
    assert info["domain"] == "routerhub"
    violations = [
        (violation.get("field", ""), violation["description"], violation["reason"])
        for violation in bad.get("fieldViolations", ())
    ]
    delay = by_type.get("RetryInfo", {}).get("retryDelay", "")
    return Failure(
        code, message, info["reason"], info.get("metadata", {}), violations, delay, str(retry_after)
    )
