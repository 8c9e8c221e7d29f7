"""What of a REST request reaches the server."""

import pytest

from tests.gateway.conftest import Front

GEMINI = "/v1beta/models/gemini-x:generateContent"
OPENAI = "/v1/images/generations"


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/gemini-x:generateContent", "models/gemini-x"),
        ("/v1/models/gemini-x:generateContent", "models/gemini-x"),
        ("/v1beta/models/google/gemini-x:generateContent", "models/google/gemini-x"),
        ("/v1/models/google/gemini-x:generateContent", "models/google/gemini-x"),
        ("/v1beta/google/gemini-x:generateContent", "google/gemini-x"),
        ("/v1/google/gemini-x:generateContent", "google/gemini-x"),
        ("/models/gemini-x:generateContent", "models/gemini-x"),
        ("/v1beta/models/google%2Fgemini-x:generateContent", "models/google/gemini-x"),
        ("/v1beta/models/google%2fgemini-x:generateContent", "models/google/gemini-x"),
        ("/v1beta//models//gemini-x:generateContent", "models/gemini-x"),
        ("/v1/../v1beta/./models/gemini-x:generateContent", "models/gemini-x"),
        ("/v1beta/models/gemini%2Dx:generateContent", "models/gemini-x"),
        ("/v1beta/models/publishers/google/models/x:generateContent", "models/publishers/google/models/x"),
    ],
)
def test_every_spelling_of_the_gemini_path_binds_its_model(front: Front, path: str, model: str) -> None:
    # The exact bytes: a client library would normalise some spellings itself.
    reply = front.raw(
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
    )
    assert reply.json()["method"] == "GenerateContent"
    assert reply.json()["fields"]["model"] == model


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/models/openai%2Fgpt-image-2", "models/openai/gpt-image-2"),
        ("/v1/models/openai/gpt-image-2", "models/openai/gpt-image-2"),
        ("/v1beta/models/google/gemini-x", "models/google/gemini-x"),
    ],
)
def test_model_ids_with_slashes_bind(front: Front, path: str, name: str) -> None:
    report = front.request("GET", path).json()
    assert (report["method"], report["fields"]) == ("GetModel", {"name": name})


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", "/v1beta/models?pageSize=x&page_token=y"])
def test_models_are_listed(front: Front, path: str) -> None:
    report = front.request("GET", path).json()
    assert (report["method"], report["fields"]) == ("ListModels", {})
    assert report["metadata"]["x-envoy-original-path"] == path


@pytest.mark.parametrize(
    "query",
    [
        "model=evil",
        "body.data=ZXZpbA==",
        "body.content_type=evil",
        "body.contentType=evil",
        "body=evil",
        "body.extensions=evil",
        "name=evil",
        "unknown.field=1&model=evil&model=worse",
        "mod%65l=evil",
        "%6D%6F%64%65%6C=evil",
        "mod%2565l=evil",
        "bod%79.da%74a=ZXZpbA==",
        "key=rh_secret&$alt=json&alt=sse",
        "=&&=;%00",
    ],
)
def test_the_query_overrides_nothing(front: Front, query: str) -> None:
    reply = front.raw(
        f"POST {GEMINI}?{query} HTTP/1.1\r\nhost: x\r\ncontent-type: text/x\r\ncontent-length: 2\r\n"
        "connection: close\r\n\r\n{}"
    )
    report = reply.json()
    assert (report["method"], report["size"], report["content_type"]) == ("GenerateContent", 2, "text/x")
    assert report["fields"]["model"] == "models/gemini-x"


def test_the_query_does_not_override_a_model_name(front: Front) -> None:
    report = front.request("GET", "/v1/models/gpt-image-2?name=evil").json()
    assert report["fields"] == {"name": "models/gpt-image-2"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE"])
@pytest.mark.parametrize("path", [GEMINI, OPENAI, "/nowhere", "/"])
def test_other_methods_reach_the_catch_all(front: Front, method: str, path: str) -> None:
    reply = front.request(method, path, {"headers": {"x-was": "unmatched"}})
    assert reply.status_code == 200
    assert reply.headers["x-was"] == "unmatched"
    if method != "HEAD":
        report = reply.json()
        assert report["method"] == "Unmatched"
        assert report["metadata"]["x-envoy-original-method"] == method
        assert report["metadata"]["x-envoy-original-path"] == path


@pytest.mark.parametrize("path", ["/", "/v1/models", GEMINI + "/", "/v2/x", "/v1/images/edits"])
@pytest.mark.parametrize("size", [0, 9, 20_000_000])
def test_unknown_posts_reach_the_catch_all_with_any_body(front: Front, path: str, size: int) -> None:
    report = front.request("POST", path, content=b"{not json"[:size].ljust(size)).json()
    assert (report["method"], report["size"]) == ("Unmatched", size)


def test_a_trailing_slash_does_no_harm(front: Front) -> None:
    assert front.request("POST", OPENAI + "/", json={}).json()["method"] == "GenerateImages"


def test_rest_service_cannot_be_named_in_the_path(front: Front) -> None:
    report = front.request("POST", "/routerhub.images.v1.RestService/GenerateImages", json={}).json()
    assert report["method"] == "Unmatched"


def test_an_upload_arrives_whole_in_bounded_pieces(front: Front) -> None:
    report = front.request("POST", OPENAI, content=bytes(20_000_000)).json()
    assert report["size"] == 20_000_000
    assert report["largest"] <= 512 * 1024


def test_a_chunked_upload_arrives_whole(front: Front) -> None:
    pieces = (bytes(100_000) for _ in range(50))
    assert front.request("POST", OPENAI, content=pieces).json()["size"] == 5_000_000


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""]
)
def test_the_content_type_reaches_the_server(front: Front, content_type: str) -> None:
    report = front.request("POST", OPENAI, content=b"{}", headers={"content-type": content_type}).json()
    assert (report["content_type"], report["size"]) == (content_type, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grpc-timeout", "1n"),
        ("grpc-timeout", "garbage"),
        ("grpc-encoding", "gzip"),
        ("grpc-accept-encoding", "nonsense"),
        ("grpc-previous-rpc-attempts", "x"),
        ("x-trace-bin", "!!not base64!!"),
        ("-bin", "!"),
        ("x-envoy-original-path", "/evil"),
        ("x-envoy-original-method", "EVIL"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-expected-rq-timeout-ms", "1"),
        ("x-envoy-max-retries", "9"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-internal", "true"),
        ("x-routerhub-status", "418"),
        ("te", "gzip"),
    ],
)
def test_headers_with_a_meaning_inside_are_removed(front: Front, name: str, value: str) -> None:
    reply = front.request("POST", GEMINI, {"sleep": 0.05}, json={}, headers={name: value})
    assert reply.status_code == 200
    report = reply.json()
    assert value not in (report["metadata"].get(name), *report["binary"])
    assert report["binary"] == []
    assert report["deadline"] is None
    assert report["metadata"]["x-envoy-original-path"] == GEMINI
    assert report["metadata"]["x-envoy-original-method"] == "POST"
    assert {key for key in report["metadata"] if key.startswith(("grpc-", "x-envoy-"))} == {
        "x-envoy-original-path",
        "x-envoy-original-method",
    }


@pytest.mark.parametrize(
    "name",
    ["authorization", "x-goog-api-key", "x-server-timeout", "x-stainless-retry-count", "idempotency-key"],
)
def test_headers_of_the_apis_reach_the_server(front: Front, name: str) -> None:
    report = front.request("POST", OPENAI, json={}, headers={name: "17"}).json()
    assert report["metadata"][name] == "17"


def test_every_request_gets_an_id_of_its_own(front: Front) -> None:
    replies = [front.request("POST", OPENAI, json={}, headers={"x-request-id": "mine"}) for _ in range(2)]
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert ids == [reply.json()["metadata"]["x-request-id"] for reply in replies]
    assert len({*ids, "mine"}) == 3


def test_an_offer_of_http2_is_ignored(front: Front) -> None:
    """As curl --http2 makes it."""
    headers = {
        "connection": "Upgrade, HTTP2-Settings",
        "upgrade": "h2c",
        "http2-settings": "AAMAAABkAAQAAP__",
    }
    assert front.request("POST", OPENAI, json={}, headers=headers).status_code == 200
