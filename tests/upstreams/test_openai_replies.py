"""What is read from OpenAI's replies."""

import json
from typing import Any

import pytest

from routerhub.images.v1.openai_images_pb2 import GenerateImagesResponse
from routerhub_server.errors import UpstreamBadReplyError
from routerhub_server.upstreams.base import ImageHead
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.openai import OpenAIAdapter
from tests.fakes.openai import FakeOpenAI
from tests.fakes.pictures import large_picture
from tests.upstreams.orders import openai_order


async def test_reply_is_passed_on_to_the_byte(openai: HttpUpstream, fake_openai: FakeOpenAI) -> None:
    """Fields that no proto knows, formatting and all."""
    body = b' {"created" : 1, "data": [],\n "field_of_tomorrow": {"deep": ["\xc3\xbc", null]}}\n'
    fake_openai.next(status=200, body=body)
    reply = await openai.render(openai_order())
    assert reply.body == body


async def test_facts_are_read(openai: HttpUpstream) -> None:
    facts = (await openai.render(openai_order(n=3))).facts
    assert facts.images == 3
    assert facts.usage["output_tokens_details"] == {"text_tokens": 0, "image_tokens": 4160}


async def test_typed_message_lacks_nothing_known(openai: HttpUpstream, fake_openai: FakeOpenAI) -> None:
    fake_openai.image = b"\x00\xff picture"
    message = (await openai.render(openai_order(n=2, quality="low"))).message
    assert isinstance(message, GenerateImagesResponse)
    assert [image.b64_json for image in message.data] == [b"\x00\xff picture"] * 2
    assert (message.created, message.size, message.quality) == (1_760_000_000, "1024x1024", "low")
    assert (message.background, message.output_format) == ("opaque", "png")
    assert message.usage.input_tokens_details.HasField("image_tokens")
    assert message.usage.total_tokens == 4172


@pytest.mark.parametrize(
    ("data", "images"),
    [
        ([{"url": "https://x/y.png", "revised_prompt": "a cat"}], 1),
        ([{"b64_json": "AAAA"}, {"b64_json": "AAAA"}], 2),
        ([{"b64_json": None, "url": None}], 0),
        ([{"b64_json": ""}], 0),
        ([], 0),
        (None, 0),
    ],
)
def test_images_are_counted(data: Any, images: int) -> None:
    body = json.dumps({"created": 1, "data": data}).encode()
    assert OpenAIAdapter("").decode_reply(openai_order(), body).facts.images == images


async def test_heads_of_images_have_the_type_of_the_whole_reply(
    openai: HttpUpstream, fake_openai: FakeOpenAI
) -> None:
    fake_openai.image = large_picture(0.3)
    heads = (await openai.render(openai_order(n=2, output_format="jpeg"))).facts.heads
    assert [head.mime_type for head in heads] == ["image/jpeg"] * 2
    assert {head.data for head in heads} == {fake_openai.image[:65_535]}


@pytest.mark.parametrize(
    ("output_format", "mime_type"), [("svg", "image/svg+xml"), ("webp", "image/webp"), (None, "")]
)
def test_type_of_a_head_is_what_the_provider_says(output_format: str | None, mime_type: str) -> None:
    body = json.dumps({"data": [{"b64_json": "AAAA"}], "output_format": output_format}).encode()
    (head,) = OpenAIAdapter("").decode_reply(openai_order(), body).facts.heads
    assert head == ImageHead(mime_type, b"\0\0\0")


def test_image_that_is_no_base64_is_a_bad_reply() -> None:
    body = b'{"data": [{"b64_json": "https://example.com/x.png"}]}'
    with pytest.raises(UpstreamBadReplyError, match="The upstream's image is not base64") as caught:
        OpenAIAdapter("").decode_reply(openai_order(), body)
    assert caught.value.spent == "yes"


async def test_fields_that_no_proto_knows_are_named(openai: HttpUpstream) -> None:
    facts = (await openai.render(openai_order())).facts
    assert facts.unknown_fields == ("data.image_field_of_tomorrow", "field_of_tomorrow")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": {}}', b'{"data": [', b"data: {}\n\n"])
async def test_reply_that_is_no_json_object_is_a_bad_reply(
    openai: HttpUpstream, fake_openai: FakeOpenAI, body: bytes
) -> None:
    fake_openai.next(status=200, body=body)
    with pytest.raises(UpstreamBadReplyError) as caught:
        await openai.render(openai_order())
    assert caught.value.spent == "yes"
