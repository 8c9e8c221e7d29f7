"""What Google receives, to the byte."""

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub_server.errors import UpstreamRejectedError
from routerhub_server.upstreams.base import Order
from routerhub_server.upstreams.gemini import BASE_URL, GeminiAdapter
from routerhub_server.upstreams.http import HttpRequest, HttpUpstream
from tests.fakes.gemini import FakeGemini
from tests.upstreams.orders import gemini_order, upstream_of

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\xff\xfe\xfb").decode()

EVERY_OPTION: dict[str, Any] = {
    "contents": [
        {
            "parts": [
                {"text": "Put the hat on the cat. Ünïcödé ☃"},
                {"inlineData": {"mimeType": "image/png", "data": PNG}},
                {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.jpg"}},
            ],
            "role": "user",
        },
        {"parts": [{"text": "Done.", "thought": True, "thoughtSignature": PNG}], "role": "model"},
        {"parts": [{"functionCall": {"name": "f", "args": {"a": [1, 0.5, None, True, "x"]}, "id": "1"}}]},
    ],
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
    "generationConfig": {
        "candidateCount": 1,
        "stopSequences": ["END"],
        "maxOutputTokens": 32768,
        "temperature": 0,
        "topP": 0.95,
        "topK": 40,
        "seed": 0,
        "presencePenalty": -0.5,
        "responseModalities": ["TEXT", "IMAGE"],
        "thinkingConfig": {"includeThoughts": False, "thinkingLevel": "HIGH"},
        "mediaResolution": "MEDIA_RESOLUTION_HIGH",
        "responseJsonSchema": {"type": "object", "properties": {"x": {}}},
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
    },
    "tools": [{"googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}],
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["f"]}},
    "systemInstruction": {"parts": [{"text": "Paint."}], "role": "user"},
    "cachedContent": "cachedContents/abc",
    "labels": {"team": "design"},
    "serviceTier": "flex",
    "store": False,
    "continuationToken": PNG,
}


def order_of(body: dict[str, Any]) -> Order:
    request = json_format.ParseDict(body, GenerateContentRequest())
    request.model = "google/gemini-3-pro-image-preview"
    return Order(request, "gemini-3-pro-image", "request-1")


async def test_minimal_request_arrives_as_written(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    await gemini.render(gemini_order("a cat"))
    (received,) = fake_gemini.requests
    assert received.method == "POST"
    assert received.path == "/v1beta/models/gemini-3-pro-image:generateContent"
    assert received.body == b'{"contents":[{"parts":[{"text":"a cat"}]}]}'


async def test_headers_are_these_and_no_others(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    await gemini.render(gemini_order())
    (received,) = fake_gemini.requests
    assert received.headers == {
        "host": fake_gemini.url.removeprefix("http://"),
        "connection": "keep-alive",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "routerhub-images",
        "content-type": "application/json",
        "content-length": str(len(received.body)),
        "x-goog-api-key": fake_gemini.key,
    }


async def test_every_option_arrives_and_nothing_else(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    """The fake has its own list of Google's fields and refuses what is not on it."""
    await gemini.render(order_of(EVERY_OPTION))
    assert fake_gemini.requests[0].json == EVERY_OPTION
    compact = json.dumps(EVERY_OPTION, separators=(",", ":"), ensure_ascii=False).encode()
    assert len(fake_gemini.requests[0].body) == len(compact)


async def test_order_is_untouched_by_rendering(gemini: HttpUpstream) -> None:
    order = order_of(EVERY_OPTION)
    before = order.request.SerializeToString(deterministic=True)
    await gemini.render(order)
    assert order.request.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("formats", "sent"),
    [
        pytest.param(
            [{"image": {"aspectRatio": "ASPECT_RATIO_ONE_BY_ONE"}}],
            {"image": {"aspectRatio": "ASPECT_RATIO_ONE_BY_ONE"}},
            id="one",
        ),
        pytest.param(
            [{"image": {"delivery": "INLINE"}}, {"text": {"mimeType": "text/plain"}}],
            {"image": {"delivery": "INLINE"}, "text": {"mimeType": "text/plain"}},
            id="several",
        ),
    ],
)
async def test_response_format_is_sent_as_an_object(
    gemini: HttpUpstream, fake_gemini: FakeGemini, formats: list[object], sent: object
) -> None:
    body = {**EVERY_OPTION, "generationConfig": {"topK": 3, "responseFormat": formats}}
    await gemini.render(order_of(body))
    expected = {**EVERY_OPTION, "generationConfig": {"topK": 3, "responseFormat": sent}}
    assert fake_gemini.requests[0].json == expected


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (BASE_URL, "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"),
        ("http://gw/path/", "http://gw/path/v1beta/models/m:generateContent"),
        ("http://gw/path", "http://gw/path/v1beta/models/m:generateContent"),
    ],
)
def test_base_url_may_have_a_path_and_a_slash(base_url: str, url: str) -> None:
    request = GeminiAdapter("key", base_url).encode_request(Order(gemini_order().request, "m", "r"))
    assert request.url == url


def test_model_id_cannot_change_the_path() -> None:
    order = Order(gemini_order().request, "../files?x=1#", "r")
    url = GeminiAdapter("key", "http://gw").encode_request(order).url
    assert url == "http://gw/v1beta/models/..%2Ffiles%3Fx%3D1%23:generateContent"


def test_request_shows_no_key_and_no_prompt() -> None:
    request = GeminiAdapter("the-key").encode_request(gemini_order("the prompt"))
    assert "the-key" not in repr(request)
    assert "the prompt" not in repr(request)


async def test_unknown_field_would_be_refused_by_the_fake(fake_gemini: FakeGemini) -> None:
    """The fake's strictness, which the tests above lean on."""

    class Unstrict(GeminiAdapter):
        def encode_request(self, order: Order) -> HttpRequest:
            request = super().encode_request(order)
            body = b'{"generationConfig":{"imageConfig":{"size":1}},"contents":[{"parts":[{"text":1}]}]}'
            return HttpRequest(request.url, request.headers, body)

    upstream = upstream_of(Unstrict(fake_gemini.key, fake_gemini.base_url))
    with pytest.raises(UpstreamRejectedError) as caught:
        await upstream.render(gemini_order())
    await upstream.close()
    assert caught.value.message == (
        "Invalid JSON payload received. Unknown name \"size\" at 'generation_config.image_config': "
        "Cannot find field.\nInvalid value at 'contents[0].parts[0].text', 1"
    )
