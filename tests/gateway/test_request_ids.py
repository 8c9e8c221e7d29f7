"""The id that callers quote and operators search for."""

import json
from typing import Any

import grpc
import pytest

from tests.conftest import Gateway
from tests.gateway.providers import (
    GOOGLE_BODY,
    GOOGLE_PATH,
    OPENAI_BODY,
    OPENAI_PATH,
    bearer,
    failure,
    images,
    post,
    typed,
    wait_until,
)

FORGED = 'forged"} {"event": "call'


def lines(gateway: Gateway, request_id: str) -> list[dict[str, Any]]:
    text = gateway.log.read_text().splitlines()
    return [json.loads(line) for line in text if line.startswith("{") and request_id in line]


def logged(gateway: Gateway, request_id: str, count: int) -> None:
    """The server's line and, where Envoy was passed, its access log."""
    wait_until(lambda: len(lines(gateway, request_id)) == count)
    assert all(line["request_id"] == request_id for line in lines(gateway, request_id))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (GOOGLE_PATH, GOOGLE_BODY, 200),
        (OPENAI_PATH, OPENAI_BODY, 200),
        (GOOGLE_PATH, {"contents": 3}, 400),
        (OPENAI_PATH, {"model": "gpt-image-2"}, 400),
        ("/nowhere", {}, 404),
    ],
)
def test_rest_reply_and_log_have_one_id_that_the_caller_cannot_choose(
    gateway: Gateway, path: str, body: Any, status: int
) -> None:
    reply = post(gateway, path, body, x_request_id="mine-0123456789")
    assert reply.status_code == status
    (request_id,) = reply.headers.get_list("x-request-id")
    assert request_id != "mine-0123456789"
    logged(gateway, request_id, count=2)
    assert "mine-0123456789" not in gateway.log.read_text()


@pytest.mark.parametrize("through_envoy", [False, True])
def test_typed_reply_and_log_have_one_id(gateway: Gateway, through_envoy: bool) -> None:
    with typed(gateway.host if through_envoy else gateway.grpc) as stub:
        forged = bearer(gateway, ("x-request-id", FORGED))
        _, call = stub.GenerateImages.with_call(images(), metadata=forged, timeout=10)
        request_id = str(dict(call.initial_metadata())["x-request-id"])
        logged(gateway, request_id, count=2 if through_envoy else 1)
        with pytest.raises(grpc.RpcError) as raised:
            stub.GenerateImages(images(""), metadata=forged, timeout=10)
        failed_id = failure(raised.value).trailer["x-request-id"]
        logged(gateway, failed_id, count=2 if through_envoy else 1)
    assert request_id != failed_id
    assert "forged" not in gateway.log.read_text()


def test_sound_id_of_an_internal_caller_is_kept(gateway: Gateway) -> None:
    with typed(gateway.grpc) as stub:
        metadata = bearer(gateway, ("x-request-id", "shop-order:42"))
        _, call = stub.GenerateImages.with_call(images(), metadata=metadata, timeout=10)
    assert dict(call.initial_metadata())["x-request-id"] == "shop-order:42"
    logged(gateway, "shop-order:42", count=1)
