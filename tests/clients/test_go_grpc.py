"""The typed service from Go, with stubs generated from the protos."""

import base64
from typing import Any

from tests.clients.conftest import Program
from tests.clients.pictures import looks
from tests.clients.typed_requests import content, drawing


def images(outcome: dict[str, Any]) -> list[tuple[str, tuple[int, int]]]:
    return [looks(base64.b64decode(image, validate=True)) for image in outcome["images"]]


def test_generate_content_returns_image_bytes(go: Program) -> None:
    assert images(go("GenerateContent", "60s", content("a fox"))) == [("PNG", (1024, 1024))]


def test_generate_images_returns_image_bytes(go: Program) -> None:
    request = drawing("a fox", n=2, size="1536x864", output_format="webp")
    assert images(go("GenerateImages", "60s", request)) == [("WEBP", (1536, 864))] * 2


def test_bad_request_tells_reason_and_fields(go: Program) -> None:
    error = go("GenerateImages", "60s", drawing("a fox", n=11, quality="ultra"))["error"]
    assert error["code"] == "InvalidArgument"
    assert {"reason": "INVALID_VALUE", "domain": "routerhub"} in error["details"]
    [fields] = [detail["fields"] for detail in error["details"] if "fields" in detail]
    assert set(fields) == {"n", "quality"}


def test_rate_limit_tells_when_to_try_again(go: Program) -> None:
    error = go("GenerateContent", "60s", content("a fox [sandbox:error=429]"))["error"]
    assert error["code"] == "ResourceExhausted"
    assert {"retry_seconds": 1} in error["details"]


def test_deadline_ends_the_call(go: Program) -> None:
    error = go("GenerateContent", "1s", content("a fox [sandbox:latency=30]"))["error"]
    assert error["code"] == "DeadlineExceeded"


def test_unknown_key_is_unauthenticated(go: Program) -> None:
    error = go("GenerateContent", "60s", content("a fox"), key="rh_" + "x" * 40)["error"]
    assert error["code"] == "Unauthenticated"
    assert {"reason": "UNAUTHENTICATED", "domain": "routerhub"} in error["details"]
