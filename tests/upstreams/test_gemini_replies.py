"""What is read from Google's replies."""

import base64
import json
from typing import Any

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentResponse
from routerhub_server.errors import UpstreamBadReplyError
from routerhub_server.upstreams.base import Facts, ImageHead
from routerhub_server.upstreams.gemini import GeminiAdapter
from routerhub_server.upstreams.http import HttpUpstream
from tests.fakes.gemini import SIGNATURE, FakeGemini
from tests.fakes.pictures import large_picture
from tests.upstreams.orders import gemini_order

IMAGE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}


def facts_of(reply: Any) -> Facts:
    return GeminiAdapter("").decode_reply(gemini_order(), json.dumps(reply).encode()).facts


def with_parts(*parts: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}}]}


async def test_reply_is_passed_on_to_the_byte(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    """Fields that no proto knows, formatting and all."""
    body = b' {"candidates" : [] ,\n "fieldOfTomorrow": {"deep": ["\xc3\xbc", null, 1e400]}}\n'
    fake_gemini.next(status=200, body=body)
    reply = await gemini.render(gemini_order())
    assert reply.body == body


async def test_facts_are_read(gemini: HttpUpstream) -> None:
    facts = (await gemini.render(gemini_order())).facts
    assert facts.images == 1
    assert facts.finish_reasons == ("STOP",)
    assert facts.block_reason == ""
    assert facts.model_version == "gemini-3-pro-image"
    assert facts.usage["totalTokenCount"] == 1312
    assert facts.usage["usageFieldOfTomorrow"] == 7


async def test_typed_message_lacks_nothing_known(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    fake_gemini.image = b"\x00\xff picture"
    message = (await gemini.render(gemini_order())).message
    assert isinstance(message, GenerateContentResponse)
    (candidate,) = message.candidates
    text, image = candidate.content.parts
    assert text.text == "Here is what you asked for."
    assert image.inline_data.mime_type == "image/png"
    assert image.inline_data.data == b"\x00\xff picture"
    assert image.thought_signature == b"signature of the fake"
    assert SIGNATURE
    assert (candidate.finish_reason, candidate.index, candidate.content.role) == ("STOP", 0, "model")
    assert candidate.HasField("index")
    assert candidate.safety_ratings[0].category
    assert message.usage_metadata.candidates_tokens_details[0].token_count == 1290
    assert (message.model_version, message.response_id) == ("gemini-3-pro-image", "fake-response-1")


@pytest.mark.parametrize(
    ("reply", "images"),
    [
        (with_parts(IMAGE, {"text": "x"}, IMAGE), 2),
        ({"candidates": [{"content": {"parts": [IMAGE]}}, {"content": {"parts": [IMAGE]}}]}, 2),
        (with_parts({**IMAGE, "thought": True}, IMAGE), 1),
        (with_parts({"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}), 0),
        (with_parts({"inlineData": {"mimeType": "image/png", "data": ""}}), 0),
        (with_parts({"inlineData": {"mimeType": "image/png", "data": None}}), 0),
        (with_parts({"inlineData": {"mimeType": "image/png"}}), 0),
        (with_parts({"fileData": {"mimeType": "image/png", "fileUri": "https://x/y"}}), 1),
        (with_parts({"text": "no"}), 0),
        ({"candidates": [{"content": {}, "finishReason": "IMAGE_SAFETY"}]}, 0),
        ({"candidates": [{"content": None}, {}]}, 0),
        ({"candidates": None}, 0),
        ({}, 0),
    ],
)
def test_images_are_counted(reply: Any, images: int) -> None:
    assert facts_of(reply).images == images


@pytest.mark.parametrize(
    ("parts", "texts"),
    [
        ([{"text": "Here."}, IMAGE], True),
        ([{"text": "Hm.", "thought": True}, IMAGE], False),
        ([{"text": ""}, IMAGE], False),
    ],
)
def test_words_are_noticed_and_thoughts_are_not(parts: list[Any], texts: bool) -> None:
    assert facts_of(with_parts(*parts)).texts is texts


async def test_heads_of_images_are_decoded(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    fake_gemini.image = large_picture(0.3)
    (head,) = (await gemini.render(gemini_order())).facts.heads
    assert head.mime_type == "image/png"
    assert head.data == fake_gemini.image[: len(head.data)]
    assert 65_000 < len(head.data) <= 65_536


def test_heads_are_of_inline_images_for_the_caller() -> None:
    draft = {"inlineData": {"mimeType": "image/png", "data": "BBBB"}, "thought": True}
    sound = {"inlineData": {"mimeType": "audio/wav", "data": "CCCC"}}
    linked = {"fileData": {"mimeType": "image/png", "fileUri": "https://x/y"}}
    url_safe = {"inlineData": {"mimeType": "image/webp", "data": "-_8"}}
    heads = facts_of(with_parts(draft, IMAGE, sound, linked, url_safe)).heads
    assert heads == (ImageHead("image/png", b"\0\0\0"), ImageHead("image/webp", b"\xfb\xff"))


@pytest.mark.parametrize("data", ["<html>", "AAAAA", "A" * 100_000 + "?", "=" * 40_000])
def test_image_that_is_no_base64_is_a_bad_reply(data: str) -> None:
    with pytest.raises(UpstreamBadReplyError, match="The upstream's image is not base64") as caught:
        facts_of(with_parts({"inlineData": {"mimeType": "image/png", "data": data}}))
    assert caught.value.spent == "yes"


def test_escaped_base64_is_base64() -> None:
    """Some JSON writers escape every slash."""
    data = base64.b64encode(b"\xff\xfe\xfd" * 30_000).decode()
    body = json.dumps(with_parts({"inlineData": {"mimeType": "image/png", "data": data}}))
    reply = GeminiAdapter("").decode_reply(gemini_order(), body.replace("/", "\\/").encode())
    assert reply.facts.heads[0].data == b"\xff\xfe\xfd" * 21_845


async def test_fields_that_no_proto_knows_are_named(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    fake_gemini.image = large_picture(2)
    facts = (await gemini.render(gemini_order())).facts
    assert facts.unknown_fields == (
        "candidates.candidateFieldOfTomorrow",
        "usage_metadata.usageFieldOfTomorrow",
        "fieldOfTomorrow",
    )


def test_reply_that_does_not_fit_the_proto_is_passed_on_all_the_same() -> None:
    reply = {**with_parts(IMAGE), "createTime": 7, "old": 1}
    assert facts_of(reply).images == 1


def test_reasons_are_read_as_text_whatever_they_are() -> None:
    reply = {
        "candidates": [{"finishReason": "NO_IMAGE"}, {"finishReason": 3}, {}],
        "promptFeedback": {"blockReason": "REASON_OF_TOMORROW"},
    }
    facts = facts_of(reply)
    assert facts.finish_reasons == ("NO_IMAGE", "3")
    assert facts.block_reason == "REASON_OF_TOMORROW"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"   ", id="blank"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[{}]", id="array"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b'{"candidates": [', id="truncated"),
        pytest.param(b'{"candidates": []} {}', id="trailing"),
        pytest.param(b'{"candidates": {}}', id="object-for-list"),
        pytest.param(b'{"candidates": [1]}', id="number-for-object"),
        pytest.param(b'{"x": "\xff\xfe"}', id="not-utf-8"),
        pytest.param(b'{"x": NaN}', id="nan"),
        pytest.param(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep"),
        pytest.param(b"<html>ok</html>", id="html"),
        pytest.param(b"\x89PNG\r\n", id="garbage"),
    ],
)
async def test_reply_that_is_no_json_object_is_a_bad_reply(
    gemini: HttpUpstream, fake_gemini: FakeGemini, body: bytes
) -> None:
    fake_gemini.next(status=200, body=body)
    with pytest.raises(UpstreamBadReplyError) as caught:
        await gemini.render(gemini_order())
    assert caught.value.spent == "yes"
    assert caught.value.message == "The upstream's reply was not understood."
    assert caught.value.__cause__ is not None
