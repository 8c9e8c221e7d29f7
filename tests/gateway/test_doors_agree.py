"""The same requests through every door: REST, gRPC, gRPC through Envoy, and Envoy's plain transcoder.

The sandbox draws equal pictures for equal requests, so equal means equal bytes.
"""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentResponse
from tests.clients.pictures import looks, square
from tests.conftest import running_gateway
from tests.gateway.doors import (
    Asked,
    Door,
    Failure,
    OpenAIFailure,
    Response,
    RestDoor,
    TranscodedDoor,
    TypedDoor,
    transcoder,
)

RED = base64.b64encode(square("red")).decode()
PIXELS = {"inlineData": {"mimeType": "image/png", "data": RED}}


def gemini(*parts: Any, model: str = "gemini-3-pro-image", key: str | None = "right", **more: Any) -> Asked:
    """One turn of these parts (texts stand for text parts), with `more` at the request's root."""
    turn = {"role": "user", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}
    return Asked("gemini", model, {"contents": [turn]} | more, key)


def openai(
    prompt: str = "a cat", model: str = "gpt-image-2", key: str | None = "right", **more: Any
) -> Asked:
    return Asked("openai", model, {"prompt": prompt} | more, key)


DRAWN = {
    "gemini minimal": gemini("a cat"),
    "gemini with the vendor's prefix": gemini("a cat", model="google/gemini-2.5-flash-image"),
    "gemini wide and large": gemini(
        "a cat", generationConfig={"imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}}
    ),
    "gemini image alone": gemini("a cat", generationConfig={"responseModalities": ["IMAGE"]}),
    "gemini text alone": gemini("a cat", generationConfig={"responseModalities": ["TEXT"]}),
    "gemini edit": gemini("put this on a shelf", PIXELS),
    "gemini with thoughts": gemini("a cat", generationConfig={"thinkingConfig": {"includeThoughts": True}}),
    "gemini with numbers": gemini(
        "a cat",
        generationConfig={"seed": 0, "temperature": 0.7, "topP": 0.9, "topK": 40, "candidateCount": 1},
    ),
    "gemini with everything beside": gemini(
        "a cat",
        systemInstruction={"parts": [{"text": "You paint."}]},
        safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        labels={"team": "design"},
        serviceTier="flex",
    ),
    "gemini conversation": gemini(
        contents=[
            {"role": "user", "parts": [{"text": "a cat"}]},
            {"role": "model", "parts": [{**PIXELS, "thoughtSignature": "c2lnbmF0dXJl"}]},
            {"role": "user", "parts": [{"text": "now as a dog"}]},
        ]
    ),
    "openai minimal": openai(),
    "openai with the vendor's prefix": openai(model="openai/gpt-image-1.5"),
    "openai every option": openai(
        size="1536x864",
        quality="medium",
        output_format="jpeg",
        output_compression=0,
        n=2,
        background="opaque",
        moderation="low",
        user="user-1",
    ),
    "openai transparent": openai(size="1024x1536", output_format="webp", background="transparent"),
}

REFUSED = {
    "gemini without contents": Asked("gemini", "gemini-3-pro-image", {}),
    "gemini without parts": gemini(),
    "gemini with an empty part": gemini("a cat", {}),
    "gemini ratio": gemini("a cat", generationConfig={"imageConfig": {"aspectRatio": "16:10"}}),
    "gemini many violations": gemini(
        "a cat",
        {"inlineData": {"mimeType": "image/bmp", "data": RED}},
        generationConfig={"temperature": 3, "candidateCount": 2, "imageConfig": {"imageSize": "8K"}},
    ),
    "gemini JSON and an image": gemini("a cat", generationConfig={"responseMimeType": "application/json"}),
    "gemini unknown model": gemini("a cat", model="gemini-9"),
    "gemini model of the other interface": gemini("a cat", model="openai/gpt-image-2"),
    "gemini without a key": gemini("a cat", key=None),
    "gemini with a wrong key": gemini("a cat", key="rh_test_wrong"),
    "gemini provider refuses": gemini("a cat [sandbox:error=400]"),
    "gemini provider is busy": gemini("a cat [sandbox:error=429]"),
    "gemini provider is down": gemini("a cat [sandbox:error=503]"),
    "gemini provider is silent": gemini("a cat [sandbox:timeout]"),
    "gemini provider babbles": gemini("a cat [sandbox:bad-reply]"),
    "openai without a prompt": Asked("openai", "gpt-image-2", {}),
    "openai without a model": openai(model=""),
    "openai size": openai(size="1000x1000"),
    "openai many violations": openai(n=11, quality="ultra", output_compression=101, style="vivid"),
    "openai transparent jpeg": openai(background="transparent", output_format="jpeg"),
    "openai stream": openai(stream=True),
    "openai unknown model": openai(model="dall-e-3"),
    "openai model of the other interface": openai(model="gemini-3-pro-image"),
    "openai with a wrong key": openai(key="rh_test_wrong"),
    "openai provider refuses": openai("a cat [sandbox:error=400]"),
    "openai provider is busy": openai("a cat [sandbox:error=429]"),
    "openai provider is down": openai("a cat [sandbox:error=503]"),
    "openai provider is silent": openai("a cat [sandbox:timeout]"),
    "openai provider babbles": openai("a cat [sandbox:bad-reply]"),
    "openai prompt blocked": openai("a cat [sandbox:block=SAFETY]"),
}

BLOCKED = {
    "prompt": gemini("a cat [sandbox:block=SAFETY]"),
    "output": gemini("a cat [sandbox:finish=IMAGE_SAFETY]"),
}

JSON_ALONE: dict[str, tuple[str, bytes]] = {
    "an unknown field": ("gemini", b'{"contents": [{"parts": [{"text": "a cat"}]}], "zz": 1}'),
    "an unknown parameter": ("openai", b'{"model": "gpt-image-2", "prompt": "a cat", "zz": 1}'),
    "a data URL for base64": (
        "gemini",
        b'{"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "data:,AA"}}]}]}',
    ),
    "a number for a text": ("openai", b'{"model": "gpt-image-2", "prompt": 7}'),
    "half a body": ("openai", b'{"model": "gpt-image-2", "prompt": "a c'),
}
"""What only JSON can get wrong: typed callers cannot send it. REST answers 400."""

PASSED_OVER = ("an unknown field", "an unknown parameter")
"""What the plain transcoder, by its nature, drops and goes on."""

OPENAI_ROWS: dict[str, tuple[int, str, set[str | None]]] = {
    "INVALID_VALUE": (
        400,
        "invalid_request_error",
        {"invalid_value", "integer_above_max_value", "unsupported_value"},
    ),
    "UNKNOWN_FIELD": (400, "invalid_request_error", {"unknown_parameter"}),
    "MISSING_FIELD": (400, "invalid_request_error", {"missing_required_parameter"}),
    "INVALID_MODEL": (400, "invalid_request_error", {"invalid_model"}),
    "UNAUTHENTICATED": (401, "invalid_request_error", {"invalid_api_key"}),
    "CONTENT_BLOCKED": (400, "image_generation_user_error", {"moderation_blocked"}),
    "UPSTREAM_REJECTED": (400, "invalid_request_error", {None}),
    "UPSTREAM_RATE_LIMITED": (429, "rate_limit_error", {"rate_limit_exceeded"}),
    "UPSTREAM_UNAVAILABLE": (503, "server_error", {"upstream_unavailable"}),
    "UPSTREAM_TIMEOUT": (504, "server_error", {"upstream_timeout"}),
    "UPSTREAM_BAD_REPLY": (502, "server_error", {"upstream_bad_reply"}),
}
"""HTTP status, type and possible codes of OpenAI's error body, by our reason."""


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    """Of one gateway, whose sandbox may fail as often as it is told to."""
    patience = {"kind": "sandbox", "retries": 0, "breaker_failures": 1000}
    with (
        running_gateway(tmp_path_factory.mktemp("doors"), {"upstreams": {"sandbox": patience}}) as gateway,
        transcoder(tmp_path_factory.mktemp("typed"), gateway.grpc) as address,
    ):
        yield {
            "rest": RestDoor(gateway.http, gateway.key),
            "grpc": TypedDoor(gateway.grpc, gateway.key),
            "grpc through envoy": TypedDoor(gateway.host, gateway.key),
            "transcoded": TranscodedDoor(address, gateway.key),
        }


@pytest.mark.parametrize("name", DRAWN)
def test_every_door_gives_the_same_reply(doors: dict[str, Door], name: str) -> None:
    replies = {door: timeless(opened.ask(DRAWN[name])) for door, opened in doors.items()}
    first = replies["grpc"]
    assert {door: reply == first for door, reply in replies.items()} == dict.fromkeys(doors, True)
    for picture in pictures(first):
        looks(picture)
    assert bool(pictures(first)) == ("text alone" not in name)


@pytest.mark.parametrize("name", REFUSED)
def test_every_door_refuses_alike(doors: dict[str, Door], name: str) -> None:
    asked = REFUSED[name]
    failures = {door: opened.ask(asked) for door, opened in doors.items()}
    first = failures["grpc"]
    assert isinstance(first, Failure)
    wanted: dict[str, Any] = dict.fromkeys(doors, first)
    wanted["transcoded"] = replace(first, retry_after="")  # it drops trailing metadata; RetryInfo stays
    if asked.interface == "openai":
        wanted["rest"] = as_openai(first, failures["rest"])
    assert failures == wanted


def test_every_door_says_how_to_send_a_missing_key(doors: dict[str, Door]) -> None:
    """OpenAI's path knows one header; over gRPC both interfaces know two."""
    failures: dict[str, Any] = {door: opened.ask(openai(key=None)) for door, opened in doors.items()}
    bearer = "The API key is missing. Send it as `Authorization: Bearer rh_...`"
    both = f"{bearer} or `x-goog-api-key: rh_...`."
    assert {door: failure.message for door, failure in failures.items()} == {
        "rest": f"{bearer}.",
        "grpc": both,
        "grpc through envoy": both,
        "transcoded": f"{bearer}.",
    }
    rest = failures.pop("rest")
    assert (rest.http, rest.code) == (401, "invalid_api_key")
    assert {failure.reason for failure in failures.values()} == {"UNAUTHENTICATED"}


@pytest.mark.parametrize("name", BLOCKED)
def test_blocked_content_is_a_reply_on_rest_and_an_error_for_typed_callers(
    doors: dict[str, Door], name: str
) -> None:
    """As Google answers on REST; a typed success would have no image in it."""
    answers = {door: opened.ask(BLOCKED[name]) for door, opened in doors.items()}
    reply = answers.pop("rest")
    assert isinstance(reply, GenerateContentResponse)
    reasons = [reply.prompt_feedback.block_reason, *(c.finish_reason for c in reply.candidates)]
    assert {"SAFETY", "IMAGE_SAFETY"} & set(reasons)
    first = answers["grpc"]
    assert isinstance(first, Failure)
    assert (first.code, first.reason) == ("FAILED_PRECONDITION", "CONTENT_BLOCKED")
    assert answers == dict.fromkeys(answers, first)


@pytest.mark.parametrize("name", JSON_ALONE)
def test_what_only_json_gets_wrong_is_refused_on_rest(doors: dict[str, Door], name: str) -> None:
    interface, content = JSON_ALONE[name]
    asked = Asked(interface, "gemini-3-pro-image", {})
    rest, transcoded = doors["rest"], doors["transcoded"]
    assert isinstance(rest, RestDoor)
    assert isinstance(transcoded, RestDoor)
    reply = rest.post(asked, content)
    assert reply.status_code == 400
    assert isinstance(rest.failure(asked, reply), Failure if interface == "gemini" else OpenAIFailure)
    reply = transcoded.post(asked, content)
    assert reply.status_code == (200 if name in PASSED_OVER else 400)
    assert reply.headers["content-type"] == "application/json"


def timeless(reply: Response | Failure | OpenAIFailure) -> Response:
    """The reply without what differs from call to call: its id and what is signed with it, and its time."""
    assert not isinstance(reply, Failure | OpenAIFailure), reply
    if not isinstance(reply, GenerateContentResponse):
        assert reply.created > 1_700_000_000
        reply.ClearField("created")
        return reply
    assert reply.response_id
    assert reply.model_version.startswith("sandbox/")
    assert reply.usage_metadata.total_token_count
    reply.ClearField("response_id")
    for candidate in reply.candidates:
        for part in candidate.content.parts:
            if part.thought_signature:
                part.thought_signature = b"signed"
    return reply


def pictures(reply: Response) -> list[bytes]:
    if not isinstance(reply, GenerateContentResponse):
        return [image.b64_json for image in reply.data]
    parts = [part for candidate in reply.candidates for part in candidate.content.parts]
    return [part.inline_data.data for part in parts if part.HasField("inline_data")]


def as_openai(failure: Failure, seen: Any) -> OpenAIFailure:
    """The failure as OpenAI's body tells it: one `param`. What it alone has is taken from `seen`."""
    http, kind, codes = OPENAI_ROWS[failure.reason]
    assert seen.code in codes
    param = seen.param if failure.reason == "UPSTREAM_REJECTED" else None
    if failure.violations:
        param = failure.violations[0][0]
    elif failure.reason == "INVALID_MODEL":
        param = "model"
    assert bool(seen.moderation_details) == (failure.reason == "CONTENT_BLOCKED")
    return OpenAIFailure(
        http, failure.message, kind, param, seen.code, seen.moderation_details, failure.retry_after
    )
