"""The unmodified google-genai SDK through Envoy and the gateway."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from google.genai import Client, types
from google.genai.client import AsyncClient
from google.genai.errors import APIError, ClientError, ServerError

from tests.clients.pictures import looks, share_of, square
from tests.conftest import Gateway

MODEL = "gemini-3-pro-image"

EVERY_OPTION: dict[str, Any] = {
    "audio_timestamp": None,  # None: Vertex AI only, or not for images; the SDK itself refuses to send it
    "audio_transcription_config": None,
    "automatic_continuation": False,
    "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
    "cached_content": "cachedContents/brand-guide",
    "candidate_count": 1,
    "continuation_token": None,
    "enable_enhanced_civic_answers": False,
    "frequency_penalty": 0.2,
    "generation_output_config": None,
    "http_options": types.HttpOptions(timeout=60_000, headers={"x-team": "design"}),
    "image_config": types.ImageConfig(aspect_ratio="16:9", image_size="2K"),
    "labels": {"team": "design"},
    "logprobs": 2,
    "max_output_tokens": 2048,
    "media_resolution": "MEDIA_RESOLUTION_HIGH",
    "model_armor_config": None,
    "model_selection_config": None,
    "presence_penalty": 0.1,
    "response_json_schema": None,
    "response_logprobs": True,
    "response_mime_type": "text/plain",
    "response_modalities": ["TEXT", "IMAGE"],
    "response_schema": None,
    "routing_config": None,
    "safety_settings": [
        types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_ONLY_HIGH")
    ],
    "seed": 42,
    "service_tier": "flex",
    "should_return_http_response": False,
    "speech_config": None,
    "stop_sequences": ["STOP"],
    "store": False,
    "system_instruction": "You paint in watercolours.",
    "temperature": 0.7,
    "thinking_config": types.ThinkingConfig(include_thoughts=True),
    "tool_config": types.ToolConfig(
        retrieval_config=types.RetrievalConfig(
            lat_lng=types.LatLng(latitude=1.5, longitude=2.5), language_code="en"
        )
    ),
    "tools": [types.Tool(google_search=types.GoogleSearch())],
    "top_k": 40,
    "top_p": 0.9,
}

Connect = Callable[..., Client]


@pytest.fixture
def connect(gateway: Gateway) -> Iterator[Connect]:
    """Clients as applications make them: `connect(key, api_version, base_url)`."""
    clients = []

    def make(key: str = gateway.key, api_version: str | None = None, base_url: str = gateway.http) -> Client:
        options = types.HttpOptions(base_url=base_url, api_version=api_version)
        clients.append(Client(api_key=key, http_options=options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[AsyncClient]:
    options = types.HttpOptions(base_url=gateway.http)
    async with Client(api_key=gateway.key, http_options=options).aio as client:
        yield client


def pictures(response: types.GenerateContentResponse) -> list[bytes]:
    return [
        part.inline_data.data for part in response.parts or [] if part.inline_data and part.inline_data.data
    ]


def picture_part(color: str) -> types.Part:
    return types.Part.from_bytes(data=square(color), mime_type="image/png")


def test_minimal_call_returns_image_text_and_usage(connect: Connect) -> None:
    response = connect().models.generate_content(model=MODEL, contents="a lighthouse at dawn")
    [picture] = pictures(response)
    assert looks(picture) == ("PNG", (1024, 1024))
    assert response.text
    assert response.candidates
    assert response.candidates[0].finish_reason is types.FinishReason.STOP
    assert response.model_version == f"sandbox/{MODEL}"
    assert response.usage_metadata
    assert response.usage_metadata.candidates_token_count


@pytest.mark.parametrize("api_version", ["v1", "v1beta"])
@pytest.mark.parametrize(
    "model",
    [
        "gemini-2.5-flash-image",
        "google/gemini-3-pro-image-preview",
        "models/gemini-3.1-flash-image-preview",
        "models/google/gemini-3.1-flash-image-preview",
    ],
)
def test_every_spelling_of_model_and_version_is_served(
    connect: Connect, model: str, api_version: str
) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(image_size="1K"))
    client = connect(api_version=api_version)
    response = client.models.generate_content(model=model, contents="a fox", config=config)
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (1024, 1024))]


def test_every_option_is_accepted_and_size_obeyed(connect: Connect) -> None:
    assert EVERY_OPTION.keys() == types.GenerateContentConfig.model_fields.keys()
    config = types.GenerateContentConfig(**EVERY_OPTION)
    response = connect().models.generate_content(model=MODEL, contents="a harbour", config=config)
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (2752, 1536))]
    assert any(part.thought for part in response.parts or [])


@pytest.mark.parametrize("colors", [["red"], ["red", "lime", "blue"]])
def test_edit_draws_every_inline_image(connect: Connect, colors: list[str]) -> None:
    parts = [*map(picture_part, colors), types.Part(text="put these on a table")]
    response = connect().models.generate_content(model=MODEL, contents=types.Content(parts=parts))
    [picture] = pictures(response)
    assert all(share_of(color, picture) > 0.01 for color in colors)


def test_chat_sends_thought_signature_back(connect: Connect) -> None:
    chat = connect().chats.create(model=MODEL)
    chat.send_message("a castle")
    response = chat.send_message("make it night")
    sent_back = [part for content in chat.get_history()[:-1] for part in content.parts or []]
    assert any(part.inline_data and part.thought_signature for part in sent_back)
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (1024, 1024))]


@pytest.mark.parametrize("api_version", ["v1", "v1beta"])
def test_models_list_names_the_image_models(connect: Connect, api_version: str) -> None:
    models = {model.name: model for model in connect(api_version=api_version).models.list()}
    assert "generateContent" in (models[f"models/{MODEL}"].supported_actions or [])


@pytest.mark.parametrize("name", [MODEL, f"google/{MODEL}"])
def test_models_get_takes_both_spellings(connect: Connect, name: str) -> None:
    model = connect().models.get(model=name)
    assert (model.name, model.display_name) == (f"models/{MODEL}", "Gemini 3 Pro Image")


async def test_async_client_is_served(async_client: AsyncClient) -> None:
    response = await async_client.models.generate_content(model=MODEL, contents="a heron")
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (1024, 1024))]
    assert [model.name async for model in await async_client.models.list()]


def failure(client: Client, contents: str = "a fox", model: str = MODEL, **config: Any) -> APIError:
    with pytest.raises(APIError) as raised:
        client.models.generate_content(
            model=model, contents=contents, config=types.GenerateContentConfig(**config)
        )
    return raised.value


def told(error: APIError) -> tuple[type[APIError], int, str | None, str | None]:
    """What an application can branch on, and what it shows."""
    return type(error), error.code, error.status, error.message


def reason(error: APIError) -> str:
    """ErrorInfo's reason."""
    [info] = [d for d in error.details["error"]["details"] if d["@type"].endswith("google.rpc.ErrorInfo")]
    assert info["domain"] == "routerhub"
    return str(info["reason"])


def test_unknown_field_is_a_client_error_400(connect: Connect) -> None:
    extra = types.HttpOptions(extra_body={"generationConfig": {"imageConfig": {"size": "1K"}}})
    error = failure(connect(), http_options=extra)
    assert told(error)[:3] == (ClientError, 400, "INVALID_ARGUMENT")
    assert error.message == (
        "Invalid JSON payload received. Unknown name \"size\" at 'generation_config.image_config': "
        "Cannot find field."
    )
    assert reason(error) == "UNKNOWN_FIELD"


def test_unsupported_value_is_a_client_error_400(connect: Connect) -> None:
    error = failure(connect(), image_config=types.ImageConfig(aspect_ratio="17:9"))
    assert told(error)[:3] == (ClientError, 400, "INVALID_ARGUMENT")
    assert "aspect_ratio must be one of '1:1', " in str(error.message)
    assert reason(error) == "INVALID_VALUE"


def test_unknown_key_is_a_client_error_401(connect: Connect) -> None:
    error = failure(connect("rh_" + "x" * 40))
    assert told(error) == (
        ClientError,
        401,
        "UNAUTHENTICATED",
        "The API key is not known to this gateway.",
    )
    assert reason(error) == "UNAUTHENTICATED"


def test_disabled_key_is_a_client_error_403(connect: Connect, disabled_key: str) -> None:
    error = failure(connect(disabled_key))
    assert told(error) == (ClientError, 403, "PERMISSION_DENIED", "The API key has been disabled.")
    assert reason(error) == "KEY_DISABLED"


def test_unknown_model_is_a_client_error_404(connect: Connect) -> None:
    error = failure(connect(), model="gemini-0-image")
    assert told(error)[:3] == (ClientError, 404, "NOT_FOUND")
    assert str(error.message).startswith("models/gemini-0-image is not found for API version ")
    assert reason(error) == "INVALID_MODEL"


def test_oversized_body_is_a_client_error_400(
    connect: Connect, start_gateway: Callable[..., Gateway]
) -> None:
    """Google has no 413: a body over its limit is a 400."""
    small = start_gateway({"limits": {"body_bytes": 300_000}})
    error = failure(connect(base_url=small.http), "fox " * 100_000)
    assert told(error) == (
        ClientError,
        400,
        "INVALID_ARGUMENT",
        "Request payload size exceeds the limit: 300000 bytes.",
    )
    assert reason(error) == "BODY_TOO_LARGE"


@pytest.mark.parametrize(
    ("marker", "kind", "code", "status", "expected_reason"),
    [
        ("error=400", ClientError, 400, "INVALID_ARGUMENT", "UPSTREAM_REJECTED"),
        ("error=403", ServerError, 503, "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"),
        ("error=429", ClientError, 429, "RESOURCE_EXHAUSTED", "UPSTREAM_RATE_LIMITED"),
        ("error=500", ServerError, 503, "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"),
        ("error=503", ServerError, 503, "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"),
        ("bad-reply", ServerError, 502, "INTERNAL", "UPSTREAM_BAD_REPLY"),
        ("timeout", ServerError, 504, "DEADLINE_EXCEEDED", "UPSTREAM_TIMEOUT"),
    ],
)
def test_provider_failure_is_the_sdks_own_error(
    connect: Connect, marker: str, kind: type[APIError], code: int, status: str, expected_reason: str
) -> None:
    error = failure(connect(), f"a fox [sandbox:{marker}]")
    assert told(error)[:3] == (kind, code, status)
    assert error.message
    assert reason(error) == expected_reason


async def test_async_client_raises_the_same_error(async_client: AsyncClient) -> None:
    with pytest.raises(ClientError) as raised:
        await async_client.models.generate_content(model=MODEL, contents="a fox [sandbox:error=429]")
    assert told(raised.value)[1:3] == (429, "RESOURCE_EXHAUSTED")


def test_blocked_prompt_is_feedback_as_google_gives_it(connect: Connect) -> None:
    response = connect().models.generate_content(model=MODEL, contents="a fox [sandbox:block=SAFETY]")
    assert response.candidates is None
    assert response.prompt_feedback
    assert response.prompt_feedback.block_reason is types.BlockedReason.SAFETY
