"""The typed service from Node, with @grpc/grpc-js and the protos loaded at run time."""

import base64
from typing import Any

from tests.clients.conftest import Program
from tests.clients.pictures import looks
from tests.clients.typed_requests import content, drawing

DEADLINE_EXCEEDED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED = 4, 3, 8


def images(outcome: dict[str, Any]) -> list[tuple[str, tuple[int, int]]]:
    return [looks(base64.b64decode(image, validate=True)) for image in outcome["result"]]


def test_generate_content_returns_image_bytes(node: Program) -> None:
    outcome = node("grpc.mjs", "GenerateContent", {"request": content("a fox")})
    assert images(outcome) == [("PNG", (1024, 1024))]


def test_generate_images_returns_image_bytes(node: Program) -> None:
    request = drawing("a fox", n=2, size="1536x864", output_format="webp")
    outcome = node("grpc.mjs", "GenerateImages", {"request": request})
    assert images(outcome) == [("WEBP", (1536, 864))] * 2


def test_bad_request_tells_reason_and_fields(node: Program) -> None:
    outcome = node("grpc.mjs", "GenerateImages", {"request": drawing("a fox", n=11, quality="ultra")})
    assert outcome["error"]["code"] == INVALID_ARGUMENT
    assert detail(outcome, "ErrorInfo")["reason"] == "INVALID_VALUE"
    assert detail(outcome, "ErrorInfo")["domain"] == "routerhub"
    violations = detail(outcome, "BadRequest")["field_violations"]
    assert {violation["field"] for violation in violations} == {"n", "quality"}


def test_rate_limit_tells_when_to_try_again(node: Program) -> None:
    outcome = node("grpc.mjs", "GenerateContent", {"request": content("a fox [sandbox:error=429]")})
    assert outcome["error"]["code"] == RESOURCE_EXHAUSTED
    assert detail(outcome, "RetryInfo")["retry_delay"]["seconds"] == 1


def test_deadline_ends_the_call(node: Program) -> None:
    request = content("a fox [sandbox:latency=30]")
    outcome = node("grpc.mjs", "GenerateContent", {"request": request, "seconds": 1})
    assert outcome["error"]["code"] == DEADLINE_EXCEEDED


def detail(outcome: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [detail for detail in outcome["error"]["details"] if detail["@type"] == f"google.rpc.{name}"]
    return dict(found)
