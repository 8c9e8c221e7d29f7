"""`routerhub serve`, and `routerhub keys` beside it."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.cli.programs import serving
from tests.conftest import Gateway
from tests.gateway.providers import GOOGLE_BODY, GOOGLE_PATH, OPENAI_BODY, OPENAI_PATH, failure, images, typed


def test_serve_needs_no_envoy_and_says_where_it_listens(tmp_path: Path) -> None:
    with serving("serve", tmp_path / "state", tmp_path / "log", PATH="") as running:
        at = r"127\.0\.0\.1:[1-9]\d*"
        assert re.fullmatch(r"api-key rh_\w+\n", running.lines[0])
        assert re.fullmatch(rf"ready grpc={at} rest={at} admin=http://{at}\n", running.lines[1])
        for door in ("grpc", "rest"):
            with grpc.insecure_channel(running.addresses[door]) as channel:
                reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
                assert reply.status == health_pb2.HealthCheckResponse.SERVING
        with typed(running.addresses["grpc"]) as stub:
            key = (("authorization", f"Bearer {running.key}"),)
            assert stub.GenerateImages(images(), metadata=key, timeout=10).data
        assert running.stop() == (0, "")
    assert not (tmp_path / "state" / "envoy").exists()


def create(gateway: Gateway, name: str, *options: str) -> str:
    made = json.loads(gateway.routerhub("keys", "create", "--name", name, "--json", *options))
    return str(made["key"])


def google(gateway: Gateway, key: str) -> httpx.Response:
    headers = {"x-goog-api-key": key}
    return httpx.post(f"{gateway.http}{GOOGLE_PATH}", json=GOOGLE_BODY, headers=headers, trust_env=False)


def openai(gateway: Gateway, key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.http}{OPENAI_PATH}", json=OPENAI_BODY, headers=headers, trust_env=False)


def direct(gateway: Gateway, key: str) -> tuple[str, str]:
    """The gRPC code and the reason in ErrorInfo."""
    with typed(gateway.grpc) as stub, pytest.raises(grpc.RpcError) as raised:
        stub.GenerateImages(images(), metadata=(("x-goog-api-key", key),), timeout=10)
    told = failure(raised.value)
    return told.code, told.reason


def test_disabled_key_is_refused_on_every_door_within_two_seconds(gateway: Gateway) -> None:
    key = create(gateway, "leaving")
    assert (google(gateway, key).status_code, openai(gateway, key).status_code) == (200, 200)
    gateway.routerhub("keys", "disable", "leaving")
    disabled = time.monotonic()
    while google(gateway, key).status_code == 200:
        assert time.monotonic() - disabled < 2
    error = google(gateway, key).json()["error"]
    assert (error["code"], error["status"], error["message"]) == (
        403,
        "PERMISSION_DENIED",
        "The API key has been disabled.",
    )
    assert error["details"][0]["reason"] == "KEY_DISABLED"
    assert openai(gateway, key).status_code == 403
    assert openai(gateway, key).json()["error"] == {
        "message": "The API key has been disabled.",
        "type": "invalid_request_error",
        "param": None,
        "code": "key_disabled",
    }
    assert direct(gateway, key) == ("PERMISSION_DENIED", "KEY_DISABLED")


def test_expired_key_is_a_401_on_every_door(gateway: Gateway) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    key = create(gateway, "passing", "--expires", soon.isoformat())
    time.sleep(max(0, (soon - datetime.now(UTC)).total_seconds() + 0.05))
    error = google(gateway, key).json()["error"]
    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
    assert error["details"][0]["reason"] == "KEY_EXPIRED"
    reply = openai(gateway, key)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
    assert reply.json()["error"]["message"].startswith("The API key expired at ")
    assert direct(gateway, key) == ("UNAUTHENTICATED", "KEY_EXPIRED")


def test_new_key_works_at_once_and_is_listed_without_its_secret(gateway: Gateway) -> None:
    key = create(gateway, "arriving")
    assert openai(gateway, key).status_code == 200
    listed = gateway.routerhub("keys", "list")
    assert "arriving" in listed
    assert key not in listed
