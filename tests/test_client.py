"""The client on grpcio-testing's channel: what it sends, and how it words what it gets."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import grpc_testing  # type: ignore[import-untyped]  # it has no types
import pytest
from google.rpc import code_pb2, status_pb2

from routerhub.images.v1 import image_generation_service_pb2
from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerateContentResponse
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.client import (
    CallFailedError,
    Client,
    Picture,
    content_pictures,
    content_request,
    images_pictures,
)
from routerhub_server.doors.dialects import grpc_status
from routerhub_server.errors import InvalidRequestError, Violation

SERVICE = image_generation_service_pb2.DESCRIPTOR.services_by_name["ImageGenerationService"]


class Exchange:
    """One call of the client, answered by the test."""

    def __init__(self, method: str, request: Any) -> None:
        channel = grpc_testing.channel([SERVICE], grpc_testing.strict_real_time())
        client = Client(channel, "rh_key", timeout=5)
        call = client.content if method == "GenerateContent" else client.images
        with ThreadPoolExecutor(1) as pool:
            self.result: Future[Any] = pool.submit(call, request)
            descriptor = SERVICE.methods_by_name[method]
            self.metadata, self.request, self.rpc = channel.take_unary_unary(descriptor)
            self.rpc.send_initial_metadata(())
            self.answer()

    def answer(self) -> None:
        raise NotImplementedError


class Succeeding(Exchange):
    def answer(self) -> None:
        reply: Any = GenerateContentResponse(model_version="m")
        if isinstance(self.request, GenerateImagesRequest):
            reply = GenerateImagesResponse(created=1)
        self.rpc.terminate(reply, (), grpc.StatusCode.OK, "")


class Failing(Exchange):
    def answer(self) -> None:
        violations = [Violation("n", "n is too large"), Violation("size", "size is unknown")]
        status = grpc_status(InvalidRequestError(violations), "openai")
        trailer = (("x-request-id", "r-1"), ("grpc-status-details-bin", status.SerializeToString()))
        self.rpc.terminate(None, trailer, grpc.StatusCode.INVALID_ARGUMENT, status.message)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GenerateContent", GenerateContentRequest(model="m")),
        ("GenerateImages", GenerateImagesRequest(model="m", prompt="p")),
    ],
)
def test_call_carries_key_and_request(method: str, request_: Any) -> None:
    exchange = Succeeding(method, request_)
    assert exchange.request == request_
    assert ("authorization", "Bearer rh_key") in tuple(exchange.metadata)
    assert exchange.result.result().ByteSize()


def test_failure_names_reason_violations_and_request_id() -> None:
    exchange = Failing("GenerateImages", GenerateImagesRequest(model="m", prompt="p"))
    with pytest.raises(CallFailedError) as failure:
        exchange.result.result()
    assert str(failure.value).splitlines() == [
        "INVALID_ARGUMENT: n is too large",
        "size is unknown (INVALID_VALUE)",
        "  n: n is too large",
        "  size: size is unknown",
        "  request id r-1",
    ]


def test_failure_without_details_is_code_and_message() -> None:
    class Refusing(Exchange):
        def answer(self) -> None:
            self.rpc.terminate(None, (), grpc.StatusCode.UNIMPLEMENTED, "no such method")

    exchange = Refusing("GenerateImages", GenerateImagesRequest())
    with pytest.raises(CallFailedError, match=r"^UNIMPLEMENTED: no such method$"):
        exchange.result.result()


def test_content_request_puts_inputs_before_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"jpeg")
    (tmp_path / "b").write_bytes(b"png")
    request = content_request(
        "make it winter", "m", [tmp_path / "a.jpg", tmp_path / "b"], aspect_ratio="16:9", image_size="2K"
    )
    first, second, prompt = request.contents[0].parts
    assert (first.inline_data.mime_type, first.inline_data.data) == ("image/jpeg", b"jpeg")
    assert second.inline_data.mime_type == "image/png"
    assert prompt.text == "make it winter"
    assert request.generation_config.image_config.aspect_ratio == "16:9"
    assert request.generation_config.image_config.image_size == "2K"


def test_thoughts_are_no_pictures() -> None:
    response = GenerateContentResponse()
    parts = response.candidates.add().content.parts
    parts.add(thought=True).inline_data.mime_type = "image/png"
    kept = parts.add().inline_data
    kept.mime_type, kept.data = "image/png", b"image"
    parts.add(text="words")
    assert content_pictures(response) == [Picture(b"image", "image/png")]


def test_images_have_the_replys_format() -> None:
    response = GenerateImagesResponse(output_format="webp")
    response.data.add(b64_json=b"image")
    response.data.add(url="https://example.com")
    assert images_pictures(response) == [Picture(b"image", "image/webp")]


def test_unknown_details_are_passed_over() -> None:
    class Odd(Exchange):
        def answer(self) -> None:
            status = status_pb2.Status(code=code_pb2.INTERNAL)
            status.details.add(type_url="type.googleapis.com/some.Other", value=b"\x00")
            trailer = (("grpc-status-details-bin", status.SerializeToString()),)
            self.rpc.terminate(None, trailer, grpc.StatusCode.INTERNAL, "odd")

    with pytest.raises(CallFailedError, match=r"^INTERNAL: odd$"):
        Odd("GenerateImages", GenerateImagesRequest()).result.result()
