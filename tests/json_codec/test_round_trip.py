"""Nothing is lost between typed messages and their JSON, for messages and JSON of any content."""

import base64
import json
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerateContentResponse, Schema
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.errors import RequestError, UpstreamBadReplyError
from routerhub_server.json_codec import decode, decode_reply, encode

MESSAGES: list[type[Message]] = [
    GenerateContentRequest,
    GenerateContentResponse,
    Schema,
    GenerateImagesRequest,
    GenerateImagesResponse,
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | DOUBLES | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
SPECIAL = {
    "google.protobuf.Value": ANYTHING,
    "google.protobuf.Struct": st.dictionaries(TEXT, ANYTHING, max_size=3),
    "google.protobuf.Duration": st.integers(-(10**6), 10**6).map(lambda seconds: f"{seconds}s"),
    "google.protobuf.Timestamp": st.integers(1, 28).map(lambda day: f"2026-11-{day:02}T10:00:00Z"),
}
SCALARS = {
    FieldDescriptor.TYPE_STRING: TEXT,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode()),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_DOUBLE: DOUBLES,
}


def objects(draw: st.DrawFn, message: Any, depth: int) -> dict[str, Any]:
    """The proto3 JSON of some message, with at most four fields set at each level."""
    fields = (
        draw(st.lists(st.sampled_from(list(message.fields)), max_size=4, unique_by=group))
        if message.fields
        else []
    )
    return {
        draw(st.sampled_from([f.name, f.json_name])): value(draw, f, depth)
        for f in fields
        if depth or leaf(f)
    }


def group(field: FieldDescriptor) -> str:
    return field.containing_oneof.full_name if field.containing_oneof else field.full_name


def leaf(field: FieldDescriptor) -> bool:
    return field.message_type is None or field.message_type.full_name in SPECIAL


def value(draw: st.DrawFn, field: FieldDescriptor, depth: int) -> Any:
    if field.message_type and field.message_type.GetOptions().map_entry:
        keys = draw(st.lists(TEXT, max_size=2, unique=True))
        return {key: element(draw, field.message_type.fields_by_name["value"], depth) for key in keys}
    if field.is_repeated:
        return [element(draw, field, depth) for _ in range(draw(st.integers(0, 2)))]
    return element(draw, field, depth)


def element(draw: st.DrawFn, field: FieldDescriptor, depth: int) -> Any:
    if field.message_type and field.message_type.full_name in SPECIAL:
        return draw(SPECIAL[field.message_type.full_name])
    if field.message_type:
        return objects(draw, field.message_type, depth - 1)
    if field.enum_type and field.enum_type.full_name == "google.protobuf.NullValue":
        return None
    if field.enum_type:
        return draw(st.sampled_from([v.name for v in field.enum_type.values]))
    return draw(SCALARS[field.type])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[type[Message], dict[str, Any]]:
    message_type = draw(st.sampled_from(MESSAGES))
    return message_type, objects(draw, message_type.DESCRIPTOR, depth=4)


@settings(max_examples=200, deadline=None)
@given(bodies())
def test_json_and_message_say_the_same(body: tuple[type[Message], dict[str, Any]]) -> None:
    message_type, data = body
    message = decode(json.dumps(data).encode(), message_type, "gemini")
    assert decode(encode(message), message_type, "gemini") == message
    assert decode_reply(encode(message), message_type) == message
    assert numbers_as_floats(json.loads(encode(message))) == numbers_as_floats(MessageToDict(message))


def numbers_as_floats(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: numbers_as_floats(item) for key, item in data.items()}
    if isinstance(data, list):
        return [numbers_as_floats(item) for item in data]
    return float(data) if isinstance(data, int) and not isinstance(data, bool) else data


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_json_is_read_or_refused(data: st.DataObject) -> None:
    """Right names over wrong values, at any place: never anything but the errors that callers know."""
    message_type = data.draw(st.sampled_from(MESSAGES))
    names = st.sampled_from(
        [field.json_name for field in message_type.DESCRIPTOR.fields] + ["parts", "text", "x"]
    )
    wild = st.recursive(
        ANYTHING | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=10
    )
    body = json.dumps(data.draw(st.dictionaries(names, wild, max_size=5))).encode()
    try:
        message = decode(body, message_type, "gemini")
    except RequestError:
        return
    assert message_type.FromString(message.SerializeToString()) == message


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for message_type in MESSAGES:
        try:
            decode_reply(body, message_type)
        except UpstreamBadReplyError:
            continue
