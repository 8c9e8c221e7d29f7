"""Replies of the server on their way back, and what Envoy says in its place."""

import json
import time

import httpx
import pytest

from tests.gateway.conftest import Front
from tests.gateway.dialects import check_common, check_google, check_openai

GEMINI = "/v1beta/models/gemini-x:generateContent"
OPENAI = "/v1/images/generations"
OWN_HEADERS = {"content-type", "date", "server", "x-request-id", "transfer-encoding"}


@pytest.mark.parametrize(
    "status", [201, 206, 304, 400, 401, 404, 405, 409, 410, 413, 422, 429, 499, 500, 502, 503, 504]
)
@pytest.mark.parametrize("path", [GEMINI, OPENAI, "/nowhere"])
def test_the_server_chooses_the_status(front: Front, path: str, status: int) -> None:
    wish = {"status": status, "headers": {"retry-after": 7, "x-should-retry": "false"}}
    reply = front.request("POST", path, wish, json={})
    assert reply.status_code == status
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["x-should-retry"] == "false"
    assert "x-routerhub-status" not in reply.headers
    if status != 304:
        assert reply.json()["size"] == 2


def test_inner_headers_stay_inside(front: Front) -> None:
    reply = front.request("POST", OPENAI, json={})
    assert set(reply.headers) == OWN_HEADERS
    assert reply.headers["server"] == "routerhub"


@pytest.mark.parametrize("size", [1, 192 * 1024, 5_000_000, 20_000_000])
def test_replies_of_any_size_arrive_whole(front: Front, size: int) -> None:
    reply = front.request("POST", OPENAI, {"bytes": size}, json={})
    assert reply.status_code == 200
    assert len(reply.content) == size


def test_a_piece_above_the_buffer_is_a_readable_error(front: Front) -> None:
    reply = front.request("POST", OPENAI, {"bytes": 1_000_000, "chunk": 500_000}, json={})
    check_openai(reply, 500, "server_error")


@pytest.mark.parametrize(
    ("code", "status", "google", "openai"),
    [
        ("INVALID_ARGUMENT", 400, "INVALID_ARGUMENT", "invalid_request_error"),
        ("UNAUTHENTICATED", 401, "UNAUTHENTICATED", "invalid_request_error"),
        ("PERMISSION_DENIED", 403, "PERMISSION_DENIED", "invalid_request_error"),
        ("NOT_FOUND", 404, "NOT_FOUND", "invalid_request_error"),
        ("ALREADY_EXISTS", 409, "ABORTED", "invalid_request_error"),
        ("ABORTED", 409, "ABORTED", "invalid_request_error"),
        ("FAILED_PRECONDITION", 400, "INVALID_ARGUMENT", "invalid_request_error"),
        ("OUT_OF_RANGE", 400, "INVALID_ARGUMENT", "invalid_request_error"),
        ("RESOURCE_EXHAUSTED", 429, "RESOURCE_EXHAUSTED", "rate_limit_error"),
        ("CANCELLED", 499, "CANCELLED", "invalid_request_error"),
        ("UNKNOWN", 500, "INTERNAL", "server_error"),
        ("INTERNAL", 500, "INTERNAL", "server_error"),
        ("DATA_LOSS", 500, "INTERNAL", "server_error"),
        ("UNIMPLEMENTED", 501, "UNIMPLEMENTED", "server_error"),
        ("UNAVAILABLE", 503, "UNAVAILABLE", "server_error"),
        ("DEADLINE_EXCEEDED", 504, "DEADLINE_EXCEEDED", "server_error"),
    ],
)
def test_errors_of_the_grpc_library_are_put_in_dialect(
    front: Front, code: str, status: int, google: str, openai: str
) -> None:
    replies = [front.request("POST", path, {"abort": code}, json={}) for path in (GEMINI, OPENAI)]
    check_google(replies[0], status, google)
    check_openai(replies[1], status, openai)
    for reply in replies:
        assert "words of the gRPC library" not in reply.text + str(reply.headers)
        assert not any(name.startswith(("grpc-", "x-envoy-")) for name in reply.headers)
        assert reply.headers["x-request-id"]
        assert ("retry-after" in reply.headers) == (status == 429)
    # The server had the call, and may have bought an image before it broke.
    assert (replies[1].headers.get("x-should-retry") == "false") == (status >= 500)


@pytest.mark.parametrize(
    ("path", "headers", "dialect"),
    [
        ("/v1beta/models/x:generateContent", {}, "google"),
        ("/v1/models/x:generateContent", {}, "google"),
        ("/v1/models/google/x:generateContent?key=a", {}, "google"),
        ("/models/x:generateContent", {}, "google"),
        ("/v1beta/models", {}, "google"),
        ("/v1beta", {}, "google"),
        ("/v1/models", {"x-goog-api-key": "rh_x"}, "google"),
        ("/nowhere", {"x-goog-api-key": "rh_x"}, "google"),
        ("/v1/models", {}, "openai"),
        ("/v1/images/generations?x=a:b", {}, "openai"),
        ("/v1/images/edits", {}, "openai"),
        ("/nowhere", {}, "common"),
        ("/", {}, "common"),
        ("/v1betas", {}, "common"),
    ],
)
@pytest.mark.parametrize("early", [False, True])
def test_the_dialect_follows_path_and_key(
    front: Front, path: str, headers: dict[str, str], dialect: str, early: bool
) -> None:
    """Before the transcoder has replaced the path (`early`), and after."""
    if early:
        reply = front.request("GET", path, headers=headers | {"x-long": "a" * 9000})
    else:
        reply = front.request("GET", path, {"abort": "INVALID_ARGUMENT"}, headers=headers)
    status = 431 if early else 400
    if dialect == "google":
        check_google(reply, status, "INVALID_ARGUMENT")
    elif dialect == "openai":
        check_openai(reply, status, "invalid_request_error")
    else:
        assert reply.status_code == status
        check_common(reply.json(), "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("request_bytes", "status", "canonical"),
    [
        (b"GARBAGE\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"POST /nowhere HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: -4\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "INVALID_ARGUMENT",
        ),
        (
            b"POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
            400,
            "INVALID_ARGUMENT",
        ),
        (b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 400, "INVALID_ARGUMENT"),
        (b"GET /nowhere HTTP/1.0\r\nhost: x\r\n\r\n", 426, "FAILED_PRECONDITION"),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", 404, "NOT_FOUND"),
        (b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 404, "NOT_FOUND"),
        (
            b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            403,
            "PERMISSION_DENIED",
        ),
        (
            b"GET /nowhere HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * 100_000 + b"\r\n\r\n",
            431,
            "INVALID_ARGUMENT",
        ),
        (
            b"GET /nowhere HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 1500 + b"\r\n",
            431,
            "INVALID_ARGUMENT",
        ),
    ],
)
def test_malformed_requests_get_json(front: Front, request_bytes: bytes, status: int, canonical: str) -> None:
    reply = front.raw(request_bytes)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    check_common(reply.json(), canonical)


def test_a_body_cut_short_is_not_answered_as_whole(front: Front) -> None:
    reply = front.raw_until_closed(
        b"POST /v1/images/generations HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{}"
    )
    assert b"200 OK" not in reply


def test_browsers_may_call_from_any_page(front: Front) -> None:
    origin = {"origin": "https://app.example"}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,x-any"}
    preflight = front.request("OPTIONS", OPENAI, headers=origin | asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    assert preflight.headers["access-control-allow-headers"] == "authorization, *"
    assert "access-control-allow-credentials" not in preflight.headers
    for more in ({}, {"x-echo": '{"status": 401}'}, {"x-long": "a" * 9000}):
        reply = front.request("POST", OPENAI, json={}, headers=origin | more)
        assert reply.headers["access-control-allow-origin"] == "https://app.example"
        assert reply.headers["access-control-expose-headers"] == "*"


def test_the_access_log_has_no_query_and_no_key(front: Front) -> None:
    headers = {"authorization": "Bearer rh_header_secret", "x-goog-api-key": "rh_goog_secret"}
    paths = ("/v1/images/generations", GEMINI, "/nowhere", "/v1/models")
    replies = [
        front.request("GET", f"{path}?key=rh_query_secret", headers=headers | more)
        for path in paths
        for more in ({}, {"x-long": "a" * 9000})
    ]
    lines = access_log(front, replies)
    assert "secret" not in json.dumps(lines)
    assert [line["path"] for line in lines] == [path for path in paths for _ in range(2)]
    assert {line["method"] for line in lines} == {"GET"}


def test_the_access_log_says_what_happened(front: Front) -> None:
    reply = front.request("POST", GEMINI, {"status": 429}, content=b"{}")
    (line,) = access_log(front, [reply])
    assert (line["status"], line["grpc_status"], line["bytes_received"]) == (429, "Unavailable", 2)
    assert (line["path"], line["protocol"], line["client"]) == (GEMINI, "HTTP/1.1", "127.0.0.1")


def access_log(front: Front, replies: list[httpx.Response]) -> list[dict[str, object]]:
    """The lines of these replies, in their order; Envoy writes them once a second."""
    ids = [reply.headers["x-request-id"] for reply in replies]
    until = time.monotonic() + 10
    found: dict[object, dict[str, object]] = {}
    while not found.keys() >= set(ids):
        assert time.monotonic() < until
        time.sleep(0.1)
        logged = [json.loads(line) for line in front.log.read_text().splitlines() if line.startswith("{")]
        found = {line["request_id"]: line for line in logged}
    return [found[request_id] for request_id in ids]
