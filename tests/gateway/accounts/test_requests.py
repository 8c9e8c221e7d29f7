"""What an account's requests may be: their size, and what of the operator's they may name."""

from collections.abc import Callable
from typing import Any

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from tests.conftest import Gateway
from tests.gateway.accounts.conftest import GEMINI, GPT, World
from tests.gateway.callers import Caller
from tests.gateway.operators import operator

FIELD = "contents[0].parts[0].file_data.file_uri"
REFUSAL = (
    f"{FIELD} names something at the provider that belongs to the operator; this API key may not use it."
)
FILES = (
    "files/abc",
    "gs://bucket/a.png",
    "https://generativelanguage.googleapis.com/v1beta/files/abc",
)


def test_body_beyond_the_accounts_limit_is_refused_on_every_door(world: World) -> None:
    asked = world.behind.asked
    prompt = "x" * 3000
    with world.operator.create(body_bytes=2000).calling() as caller:
        openai = caller.ask("rest", "openai", GPT, prompt)
        google = caller.ask("rest", "gemini", GEMINI, prompt)
        typed = caller.ask("grpc", "gemini", GEMINI, prompt)
        assert caller.ask("rest", "openai", GPT, "x" * 1000).ok
    message = "Request payload size exceeds the limit: 2000 bytes."
    assert {told.message for told in (openai, google, typed)} == {message}
    assert (openai.status, google.status, typed.status) == (413, 400, "INVALID_ARGUMENT")
    assert google.reason == typed.reason == "BODY_TOO_LARGE"
    assert world.behind.asked == asked + 1


def content(uri: str) -> dict[str, Any]:
    file = {"fileData": {"mimeType": "image/png", "fileUri": uri}}
    return {"contents": [{"role": "user", "parts": [file, {"text": "make it winter"}]}]}


@pytest.mark.parametrize("uri", FILES)
def test_operators_files_are_closed_to_one_of_several_accounts(world: World, uri: str) -> None:
    asked = world.behind.asked
    with world.operator.create().calling() as caller:
        refused = caller.post_content(GEMINI, content(uri))
        typed = caller.send("GenerateContent", typed_content(uri))
    assert (refused.status, refused.reason) == (403, "PROVIDER_ID_NOT_ALLOWED")
    assert refused.message == REFUSAL
    assert refused.metadata == {"field": FIELD}
    assert (typed.status, typed.message) == ("PERMISSION_DENIED", REFUSAL)
    assert world.behind.asked == asked


def typed_content(uri: str) -> GenerateContentRequest:
    request = GenerateContentRequest(model=GEMINI)
    part = request.contents.add(role="user").parts.add()
    part.file_data.file_uri = uri
    return request


def test_operators_caches_are_closed_too(world: World) -> None:
    with world.operator.create().calling() as caller:
        refused = caller.post_content(GEMINI, {"cachedContent": "cachedContents/brand-guide"})
    assert (refused.status, refused.metadata) == (403, {"field": "cached_content"})


def test_public_files_pass(world: World) -> None:
    with world.operator.create().calling() as caller:
        assert caller.post_content(GEMINI, content("https://example.com/a.png")).ok
    sent = world.gemini.requests[-1].json["contents"][0]["parts"][0]["fileData"]
    assert sent["fileUri"] == "https://example.com/a.png"


@pytest.mark.parametrize("uri", FILES)
def test_operators_files_are_open_to_those_who_may(world: World, uri: str) -> None:
    with world.operator.create(provider_ids_allowed=True).calling() as caller:
        assert caller.post_content(GEMINI, content(uri)).ok
    assert world.gemini.requests[-1].json["contents"][0]["parts"][0]["fileData"]["fileUri"] == uri


def test_operators_files_are_open_to_the_only_account(start_gateway: Callable[..., Gateway]) -> None:
    gateway = start_gateway()
    caller = Caller(gateway)
    try:
        assert caller.post_content(GEMINI, content(FILES[0])).ok
        with operator(gateway) as running:
            running.create()
            assert caller.post_content(GEMINI, content(FILES[0])).status == 403
    finally:
        caller.close()
