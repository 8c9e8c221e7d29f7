"""The unmodified openai SDK through Envoy and the gateway."""

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import openai
import pytest
from openai import APIStatusError, AsyncOpenAI, OpenAI
from openai.types import ImagesResponse
from openai.types.image_generate_params import ImageGenerateParamsBase

from tests.clients.pictures import looks
from tests.conftest import Gateway

MODEL = "gpt-image-2"

EVERY_OPTION: dict[str, Any] = {
    "model": MODEL,
    "prompt": "a harbour",
    "background": "opaque",
    "moderation": "low",
    "n": 2,
    "output_compression": 80,
    "output_format": "jpeg",
    "partial_images": 0,
    "quality": "high",
    "safety_identifier": "user-1",
    "size": "1536x864",
    "user": "user-1",
}
ANIMATION: dict[str, Any] = {
    "model": "gpt-image-2.5-sunburst",
    "prompt": "a harbour",
    "complexity": "low",
    "frame_count": 3,
    "frame_duration_ms": 100,
    "output_format": "gif",
    "size": "1024x1024",
}
# Of DALL-E, which is gone, and of vector graphics, which the sandbox does not draw.
NOT_DRAWN = {"response_format", "style", "svg"}

Connect = Callable[..., OpenAI]


@pytest.fixture
def connect(gateway: Gateway) -> Iterator[Connect]:
    """Clients as applications make them, without the SDK's retries: `connect(key, base_url)`."""
    clients = []

    def make(key: str = gateway.key, base_url: str = gateway.http) -> OpenAI:
        clients.append(OpenAI(api_key=key, base_url=f"{base_url}/v1", max_retries=0))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=gateway.key, base_url=f"{gateway.http}/v1", max_retries=0) as client:
        yield client


def pictures(response: ImagesResponse) -> list[bytes]:
    return [base64.b64decode(cast("str", image.b64_json), validate=True) for image in response.data or []]


def generate(client: OpenAI, **params: Any) -> ImagesResponse:
    return cast("ImagesResponse", client.images.generate(**{"model": MODEL, "prompt": "a fox", **params}))


def test_minimal_call_returns_image_and_usage(connect: Connect) -> None:
    response = generate(connect())
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (1024, 1024))]
    assert response.created > 1_700_000_000
    assert response.usage
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


@pytest.mark.parametrize("model", ["openai/gpt-image-1", "gpt-image-1.5", "openai/gpt-image-2"])
def test_every_spelling_of_model_is_served(connect: Connect, model: str) -> None:
    response = generate(connect(), model=model, size="1024x1536")
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (1024, 1536))]


def test_every_option_is_accepted_and_obeyed(connect: Connect) -> None:
    response = generate(connect(), **EVERY_OPTION)
    assert [looks(picture) for picture in pictures(response)] == [("JPEG", (1536, 864))] * 2
    assert (response.output_format, response.quality, response.size, response.background) == (
        "jpeg",
        "high",
        "1536x864",
        "opaque",
    )


def test_options_of_animations_are_accepted_and_obeyed(connect: Connect) -> None:
    response = generate(connect(), **ANIMATION)
    assert [looks(picture) for picture in pictures(response)] == [("GIF", (1024, 1024))]


def test_no_option_of_the_sdk_is_left_untried() -> None:
    assert ImageGenerateParamsBase.__annotations__.keys() == {*EVERY_OPTION, *ANIMATION} | NOT_DRAWN


def test_explicit_nulls_are_defaults(connect: Connect) -> None:
    response = generate(connect(), n=None, size=None, quality=None, output_format=None)
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (1024, 1024))]


def test_models_list_holds_the_image_models(connect: Connect) -> None:
    assert f"openai/{MODEL}" in {model.id for model in connect().models.list()}


@pytest.mark.parametrize("model", [MODEL, f"openai/{MODEL}"])
def test_models_retrieve_takes_both_spellings(connect: Connect, model: str) -> None:
    retrieved = connect().models.retrieve(model)
    assert (retrieved.object, retrieved.owned_by) == ("model", "openai")


async def test_async_client_is_served(async_client: AsyncOpenAI) -> None:
    response = await async_client.images.generate(model=MODEL, prompt="a heron")
    assert [looks(picture) for picture in pictures(response)] == [("PNG", (1024, 1024))]
    assert [model.id async for model in async_client.models.list()]


def failure(client: OpenAI, **params: Any) -> APIStatusError:
    with pytest.raises(APIStatusError) as raised:
        generate(client, **params)
    return raised.value


def told(error: APIStatusError) -> tuple[Any, ...]:
    """What an application can branch on: class, status, type, param, code."""
    assert error.request_id
    return type(error), error.status_code, error.type, error.param, error.code


def words(error: APIStatusError) -> str:
    return str(cast("dict[str, Any]", error.body)["message"])


def test_unknown_field_is_a_bad_request(connect: Connect) -> None:
    error = failure(connect(), extra_body={"aspect_ratio": "16:9"})
    assert told(error) == (
        openai.BadRequestError,
        400,
        "invalid_request_error",
        "aspect_ratio",
        "unknown_parameter",
    )
    assert words(error) == "Unknown parameter: 'aspect_ratio'."


def test_unsupported_value_is_a_bad_request(connect: Connect) -> None:
    error = failure(connect(), size="1000x1000")
    assert told(error) == (openai.BadRequestError, 400, "invalid_request_error", "size", "invalid_value")
    assert words(error) == "Invalid size '1000x1000'. Width and height must both be divisible by 16."


def test_dall_e_option_is_a_bad_request(connect: Connect) -> None:
    error = failure(connect(), response_format="b64_json")
    assert told(error)[3:] == ("response_format", "unknown_parameter")


def test_unknown_model_is_a_bad_request(connect: Connect) -> None:
    error = failure(connect(), model="gpt-image-0")
    assert told(error) == (openai.BadRequestError, 400, "invalid_request_error", "model", "invalid_model")
    assert words(error) == "Invalid value for 'model'"


def test_unknown_key_is_an_authentication_error(connect: Connect) -> None:
    error = failure(connect("rh_" + "x" * 40))
    assert told(error) == (openai.AuthenticationError, 401, "invalid_request_error", None, "invalid_api_key")
    assert words(error) == "The API key is not known to this gateway."


def test_disabled_key_is_a_permission_denied_error(connect: Connect, disabled_key: str) -> None:
    error = failure(connect(disabled_key))
    assert told(error) == (openai.PermissionDeniedError, 403, "invalid_request_error", None, "key_disabled")
    assert words(error) == "The API key has been disabled."


def test_unknown_path_is_a_not_found_error(connect: Connect) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        connect().embeddings.create(model="text-embedding-3-small", input="fox")
    assert told(raised.value)[1:] == (404, "invalid_request_error", None, "unknown_url")


def test_oversized_body_is_a_413(connect: Connect, start_gateway: Callable[..., Gateway]) -> None:
    small = start_gateway({"limits": {"body_bytes": 300_000}})
    error = failure(connect(base_url=small.http), prompt="fox " * 100_000)
    assert told(error) == (APIStatusError, 413, "invalid_request_error", None, "request_too_large")
    assert words(error) == "Request payload size exceeds the limit: 300000 bytes."


@pytest.mark.parametrize(
    ("marker", "kind", "status", "error_type", "code"),
    [
        ("error=400", openai.BadRequestError, 400, "invalid_request_error", None),
        ("error=403", openai.InternalServerError, 503, "server_error", "upstream_unavailable"),
        ("error=429", openai.RateLimitError, 429, "rate_limit_error", "rate_limit_exceeded"),
        ("error=500", openai.InternalServerError, 503, "server_error", "upstream_unavailable"),
        ("error=503", openai.InternalServerError, 503, "server_error", "upstream_unavailable"),
        ("bad-reply", openai.InternalServerError, 502, "server_error", "upstream_bad_reply"),
        ("timeout", openai.InternalServerError, 504, "server_error", "upstream_timeout"),
        ("block=SEXUAL", openai.BadRequestError, 400, "image_generation_user_error", "moderation_blocked"),
    ],
)
def test_provider_failure_is_the_sdks_own_error(
    connect: Connect, marker: str, kind: type[APIStatusError], status: int, error_type: str, code: str | None
) -> None:
    error = failure(connect(), prompt=f"a fox [sandbox:{marker}]")
    assert told(error) == (kind, status, error_type, None, code)
    assert words(error)


async def test_async_client_raises_the_same_error(async_client: AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as raised:
        await async_client.images.generate(model=MODEL, prompt="a fox [sandbox:error=429]")
    assert told(raised.value)[1:] == (429, "rate_limit_error", None, "rate_limit_exceeded")
