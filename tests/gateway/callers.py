"""One call through either door, and what its caller is told, in one form for both."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc
import httpx
from google.rpc import error_details_pb2, status_pb2

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from tests.conftest import Gateway
from tests.gateway.providers import bearer

Door = Literal["rest", "grpc"]
Shape = Literal["gemini", "openai"]
DOORS: tuple[Door, ...] = ("rest", "grpc")
PREFIX = "x-routerhub-"
SHAPES: tuple[Shape, ...] = ("gemini", "openai")


@dataclass(frozen=True, slots=True)
class Told:
    """What came back."""

    status: int | str
    """HTTP's number on REST; the name of gRPC's code."""
    headers: Mapping[str, str]
    """REST headers; the trailing metadata of gRPC, without the status details."""
    seconds: float
    body: Any = None
    """REST: the JSON. gRPC: the message, or None for an error."""
    message: str = ""
    """Of an error."""
    reason: str = ""
    """Of ErrorInfo; OpenAI's REST errors have none."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Of ErrorInfo."""
    retry_delay: float | None = None
    """Seconds, of RetryInfo."""
    quota: tuple[str, str] | None = None
    """Subject and description, of QuotaFailure."""

    @property
    def ok(self) -> bool:
        return self.status in (200, "OK")

    @property
    def ours(self) -> dict[str, str]:
        """What the gateway says of who answered, and of what, without the names' prefix."""
        names = ("upstream", "model", "attempts", "no-image", "delivered")
        return {name: self.headers[PREFIX + name] for name in names if PREFIX + name in self.headers}


class Caller:
    """Calls one gateway through both doors; the typed one is behind Envoy, too."""

    def __init__(self, gateway: Gateway, *, seconds: float = 20) -> None:
        self._gateway = gateway
        self._seconds = seconds
        self._client = httpx.Client(trust_env=False, timeout=seconds, base_url=gateway.http)
        options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
        self._channel = grpc.insecure_channel(gateway.host, options=options)
        self._stub = ImageGenerationServiceStub(self._channel)

    def close(self) -> None:
        self._client.close()
        self._channel.close()

    def ask(self, door: Door, shape: Shape, model: str, prompt: str = "a lighthouse", **fields: Any) -> Told:
        """Ask for an image; `fields` are added to the request (to `generationConfig` for Gemini)."""
        if door == "grpc":
            return self.send(*_typed(shape, model, prompt, fields))
        if shape == "gemini":
            return self.post_content(model, {"generationConfig": fields} if fields else {}, prompt)
        return self.post_images(model, {"prompt": prompt, **fields})

    def post_content(self, model: str, fields: Mapping[str, Any], prompt: str = "a lighthouse") -> Told:
        """Gemini's call through REST."""
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        return self._rest(f"/v1beta/models/{model}:generateContent", {"contents": contents, **fields})

    def post_images(self, model: str, fields: Mapping[str, Any], **headers: str) -> Told:
        """OpenAI's call through REST; `x_some_header="..."` adds headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._rest(
            "/v1/images/generations", {"model": model, "prompt": "a lighthouse", **fields}, named
        )

    def _rest(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Told:
        started = time.monotonic()
        reply = self._client.post(path, json=body, headers=dict(bearer(self._gateway)) | dict(headers or {}))
        return _read_rest(reply, time.monotonic() - started)

    def send(self, method: str, request: Any) -> Told:
        """A typed request."""
        started = time.monotonic()
        call = getattr(self._stub, method).with_call
        try:
            message, done = call(request, metadata=bearer(self._gateway), timeout=self._seconds)
        except grpc.RpcError as error:
            return _read_grpc_error(error, time.monotonic() - started)
        seconds = time.monotonic() - started
        return Told("OK", _texts(done.trailing_metadata()), seconds, body=message)


def _typed(shape: Shape, model: str, prompt: str, fields: Mapping[str, Any]) -> tuple[str, Any]:
    if shape == "openai":
        return "GenerateImages", GenerateImagesRequest(model=model, prompt=prompt, **fields)
    request = GenerateContentRequest(model=model)
    request.contents.add(role="user").parts.add(text=prompt)
    for name, value in fields.get("imageConfig", {}).items():
        field = {"aspectRatio": "aspect_ratio", "imageSize": "image_size"}[name]
        setattr(request.generation_config.image_config, field, value)
    return "GenerateContent", request


def _read_rest(reply: httpx.Response, seconds: float) -> Told:
    assert reply.headers["content-type"].startswith("application/json"), reply.text
    body, headers = reply.json(), dict(reply.headers)
    if reply.status_code == 200:
        return Told(200, headers, seconds, body=body)
    error = body["error"]
    details = error.get("details", ())
    info: dict[str, Any] = next((d for d in details if d.get("domain") == "routerhub"), {})
    delay = next((d["retryDelay"] for d in details if "retryDelay" in d), None)
    quota = next((d["violations"][0] for d in details if "violations" in d), None)
    if "status" in error:
        assert error["code"] == reply.status_code
    return Told(
        reply.status_code,
        headers,
        seconds,
        body=body,
        message=error["message"],
        reason=info.get("reason", ""),
        metadata=info.get("metadata", {}),
        retry_delay=float(delay.removesuffix("s")) if delay else None,
        quota=(quota["subject"], quota["description"]) if quota else None,
    )


def _read_grpc_error(error: Any, seconds: float) -> Told:
    headers = _texts(error.trailing_metadata())
    found: dict[str, Any] = {}
    for name, value in error.trailing_metadata():
        if name == "grpc-status-details-bin":
            found = _unpacked(status_pb2.Status.FromString(value))
    return Told(error.code().name, headers, seconds, message=error.details(), **found)


def _texts(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    return {name: value for name, value in metadata if isinstance(value, str)}


def _unpacked(status: status_pb2.Status) -> dict[str, Any]:
    found: dict[str, Any] = {}
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    failure = error_details_pb2.QuotaFailure()
    for detail in status.details:
        if detail.Unpack(info):
            found.update(reason=info.reason, metadata=dict(info.metadata))
        elif detail.Unpack(retry):
            found["retry_delay"] = retry.retry_delay.ToMilliseconds() / 1000
        elif detail.Unpack(failure):
            found["quota"] = (failure.violations[0].subject, failure.violations[0].description)
    return found
