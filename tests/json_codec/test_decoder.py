"""What requests may hold, and what the typed message then says."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from routerhub.images.v1 import gemini_pb2, image_generation_service_pb2, openai_images_pb2
from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerationConfig, PartialArg, Schema
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.errors import InvalidRequestError
from routerhub_server.json_codec import decode
from routerhub_server.json_codec.plans import plans_of


def decode_gemini(data: object) -> GenerateContentRequest:
    return decode(json.dumps(data).encode(), GenerateContentRequest, "gemini")


def decode_setting(name: str, value: object) -> GenerationConfig:
    return decode(json.dumps({name: value}).encode(), GenerationConfig, "gemini")


def test_spellings_mixed_in_one_tree_fill_the_same_fields() -> None:
    mixed = {"contents": [{"parts": [{"inlineData": {"mime_type": "image/png", "data": "QUJD"}}]}]}
    snake = {"contents": [{"parts": [{"inline_data": {"mimeType": "image/png", "data": "QUJD"}}]}]}
    assert decode_gemini(mixed) == decode_gemini(snake)
    assert decode_gemini(mixed).contents[0].parts[0].inline_data.data == b"ABC"


@pytest.mark.parametrize("container", [bytes, bytearray, memoryview])
def test_body_in_any_buffer_is_read(container: Any) -> None:
    assert decode(container(b'{"n":2}'), GenerateImagesRequest, "openai").n == 2


def test_duplicate_key_last_wins() -> None:
    assert decode(b'{"n":1,"n":2}', GenerateImagesRequest, "openai").n == 2


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("QQ==", b"A"),
        ("QQ", b"A"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("-_8=", b"\xfb\xff"),
        ("-_8", b"\xfb\xff"),
        ("QUJD\nREVG\n", b"ABCDEF"),
        ("QUJD\r\nREU=\r\n", b"ABCDE"),
        ("QUJD\nREU", b"ABCDE"),
    ],
)
def test_base64_of_either_alphabet_is_decoded(text: str, data: bytes) -> None:
    assert decode_gemini({"continuationToken": text}).continuation_token == data


@pytest.mark.parametrize(
    "text", ["!!!!", "Q", "QUJDR", "=", "====", "Q=Q=", "+_+_", "QU JD", "é", "data:image/png;base64,QUJD"]
)
def test_base64_broken_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        decode_gemini({"continuationToken": text})


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (40, 40),
        (40.0, 40),
        ("40", 40),
        (-1, -1),
        (0, 0),
        (2**31 - 1, 2**31 - 1),
        (-(2**31), -(2**31)),
    ],
)
def test_integer_spellings_are_accepted(value: object, number: int) -> None:
    assert decode_setting("maxOutputTokens", value).max_output_tokens == number


@pytest.mark.parametrize(
    "value",
    [
        40.5,
        True,
        "40.0",
        "4e1",
        " 40",
        "",
        "x",
        "0x28",
        "4_0",
        "٤٠",
        "040",
        2**31,
        -(2**31) - 1,
        10**4000,
        1e300,
        "9" * 31,
    ],
)
def test_integer_misfits_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequestError):
        decode_setting("maxOutputTokens", value)


@pytest.mark.parametrize(
    ("value", "number"), [(0.7, 0.7), (1, 1.0), ("0.7", 0.7), ("1e-3", 0.001), (0, 0.0), (-2.5, -2.5)]
)
def test_number_spellings_are_accepted(value: object, number: float) -> None:
    assert decode_setting("temperature", value).temperature == number


@pytest.mark.parametrize("value", [True, "hot", "NaN", "Infinity", "1e999", "", " 1", "1_0", 10**400, [], {}])
def test_number_misfits_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequestError):
        decode_setting("temperature", value)


@pytest.mark.parametrize("value", [1, 0, "true", "yes", [], {}])
def test_boolean_misfits_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequestError):
        decode_gemini({"store": value})


@pytest.mark.parametrize("value", [12, 1.5, True, [], {}])
def test_string_misfits_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequestError):
        decode_gemini({"cachedContent": value})


@pytest.mark.parametrize("value", ["IMAGE", "image", "Image", GenerationConfig.IMAGE])
def test_enum_in_any_case_or_number_is_known(value: object) -> None:
    assert decode_setting("responseModalities", [value]).response_modalities == [GenerationConfig.IMAGE]


@pytest.mark.parametrize("value", ["PICTURE", "", 99, 1.5, True, {}, []])
def test_enum_misfits_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequestError):
        decode_setting("responseModalities", [value])


def test_zero_values_are_present() -> None:
    config = decode(b'{"temperature":0,"responseMimeType":"","seed":0}', GenerationConfig, "gemini")
    present = {field.name for field, _ in config.ListFields()}
    assert present == {"temperature", "response_mime_type", "seed"}


def test_empty_objects_are_present() -> None:
    request = decode_gemini({"generationConfig": {}, "contents": [{"parts": [{}]}]})
    assert request.HasField("generation_config")
    assert len(request.contents[0].parts) == 1


def test_nulls_leave_fields_absent() -> None:
    nulls = dict.fromkeys(("contents", "generationConfig", "cachedContent", "labels", "store"))
    assert decode_gemini(nulls) == GenerateContentRequest()


def test_null_beside_the_other_spelling_is_absent() -> None:
    assert decode_gemini({"cachedContent": None, "cached_content": "x"}).cached_content == "x"


def test_null_beside_another_oneof_member_is_absent() -> None:
    part = decode(b'{"text":"x","inlineData":null}', gemini_pb2.Part, "gemini")
    assert part.WhichOneof("data") == "text"


def test_null_is_a_value_where_anything_goes() -> None:
    schema = decode(b'{"default":null,"example":{"a":[null]}}', Schema, "gemini")
    assert MessageToDict(schema) == {"default": None, "example": {"a": [None]}}
    assert decode(b'{"nullValue":null}', PartialArg, "gemini").WhichOneof("delta") == "null_value"


def test_single_value_stands_for_a_list_of_one_in_gemini() -> None:
    single = decode_gemini({"contents": {"parts": {"text": "x"}}, "generationConfig": {"stopSequences": "."}})
    listed = decode_gemini(
        {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"stopSequences": ["."]}}
    )
    assert single == listed


def test_maps_of_scalars_and_messages_are_filled() -> None:
    assert dict(decode_gemini({"labels": {"team": "art", "": "empty key"}}).labels) == {
        "team": "art",
        "": "empty key",
    }
    schema = decode(b'{"properties":{"a":{"type":"STRING"},"b":{}}}', Schema, "gemini")
    assert set(schema.properties) == {"a", "b"}
    assert schema.properties["a"].type == Schema.STRING


def test_free_form_json_is_kept() -> None:
    args = {"s": "x", "i": 1, "f": 1.5, "t": True, "n": None, "l": [1, [2, {"a": {}}], []], "o": {"": {}}}
    body = {"contents": [{"parts": [{"functionCall": {"name": "f", "args": args}}]}]}
    assert MessageToDict(decode_gemini(body))["contents"][0]["parts"][0]["functionCall"]["args"] == args


def test_durations_and_timestamps_are_read() -> None:
    metadata = decode(b'{"startOffset":"1.5s","end_offset":"-0.25s"}', gemini_pb2.VideoMetadata, "gemini")
    assert metadata.start_offset.ToMilliseconds() == 1500
    assert metadata.end_offset.ToMilliseconds() == -250
    reply = decode(
        b'{"createTime":"2026-11-22T10:00:00.5+02:00"}', gemini_pb2.GenerateContentResponse, "gemini"
    )
    assert reply.create_time.ToJsonString() == "2026-11-22T08:00:00.500Z"


@pytest.mark.parametrize(
    "value", ["1", "s", "x s", "1e999s", "9" * 30 + "s", 1, True, {}, {"seconds": 1}, []]
)
def test_duration_misfits_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequestError):
        decode(json.dumps({"startOffset": value}).encode(), gemini_pb2.VideoMetadata, "gemini")


def test_openai_names_are_the_proto_names_only() -> None:
    body = {
        "model": "gpt-image-2",
        "prompt": "x",
        "output_format": "png",
        "n": 2,
        "svg": {"reasoning": {"effort": "low"}},
    }
    request = decode(json.dumps(body).encode(), GenerateImagesRequest, "openai")
    assert MessageToDict(request, preserving_proto_field_name=True) == body


@pytest.mark.parametrize("module", [gemini_pb2, openai_images_pb2, image_generation_service_pb2])
def test_every_message_of_ours_has_a_json_form(module: Any) -> None:
    todo = list(module.DESCRIPTOR.message_types_by_name.values())
    while todo:
        message = todo.pop()
        assert set(plans_of(message)) >= {field.name for field in message.fields}
        todo += message.nested_types


def test_unsupported_field_type_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match=r"google\.protobuf\.Duration\.seconds"):
        plans_of(gemini_pb2.VideoMetadata().start_offset.DESCRIPTOR)


def test_message_type_of_the_caller_is_returned() -> None:
    message: Message = decode(b"{}", GenerateImagesRequest, "openai")
    assert message == GenerateImagesRequest()
