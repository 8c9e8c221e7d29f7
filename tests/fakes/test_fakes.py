"""The fakes as the providers' own SDKs see them."""

import io
from collections.abc import Iterator

import openai
import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from tests.fakes.gemini import FakeGemini, quota_exceeded
from tests.fakes.openai import FakeOpenAI, moderation_blocked
from tests.fakes.threads import in_thread


@pytest.fixture
def gemini() -> Iterator[FakeGemini]:
    with in_thread(FakeGemini()) as fake:
        yield fake


@pytest.fixture
def openai_fake() -> Iterator[FakeOpenAI]:
    with in_thread(FakeOpenAI()) as fake:
        yield fake


def gemini_client(fake: FakeGemini) -> genai.Client:
    options = types.HttpOptions(base_url=fake.base_url, api_version="v1beta")
    return genai.Client(api_key=fake.key, http_options=options)


def openai_client(fake: FakeOpenAI) -> openai.OpenAI:
    return openai.OpenAI(api_key=fake.key, base_url=fake.base_url, max_retries=0)


def test_google_sdk_reads_the_image(gemini: FakeGemini) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K"))
    with gemini_client(gemini) as client:
        reply = client.models.generate_content(model="gemini-3-pro-image", contents="a cat", config=config)
    assert reply.parts is not None
    blob = reply.parts[1].inline_data
    assert blob is not None
    assert blob.data is not None
    assert Image.open(io.BytesIO(blob.data)).size == (2736, 1536)


def test_google_sdk_raises_the_fakes_errors(gemini: FakeGemini) -> None:
    gemini.next(status=429, body=quota_exceeded(3))
    with gemini_client(gemini) as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="gemini-3-pro-image", contents="a cat")
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_openai_sdk_reads_the_images(openai_fake: FakeOpenAI) -> None:
    with openai_client(openai_fake) as client:
        reply = client.images.generate(model="gpt-image-2", prompt="a cat", n=2, size="1536x1024")
    assert reply.data is not None
    assert len(reply.data) == 2
    assert (reply.size, reply.created) == ("1536x1024", 1_760_000_000)


def test_openai_sdk_raises_the_fakes_errors(openai_fake: FakeOpenAI) -> None:
    openai_fake.next(status=400, body=moderation_blocked())
    with openai_client(openai_fake) as client, pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="gpt-image-2", prompt="a cat")
    assert (caught.value.code, caught.value.type) == ("moderation_blocked", "image_generation_user_error")
