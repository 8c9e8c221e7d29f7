"""What holds for every field of every message: presence, widths, names in JSON."""

from collections.abc import Iterable, Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from routerhub.images.v1 import gemini_pb2, image_generation_service_pb2, openai_images_pb2, rest_service_pb2

SHAPES = (gemini_pb2, openai_images_pb2)
FILES = (*SHAPES, image_generation_service_pb2, rest_service_pb2)
SIXTY_FOUR_BITS = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}
ALLOWED = {
    FieldDescriptor.TYPE_BOOL,
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_DOUBLE,
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
    FieldDescriptor.TYPE_ENUM,
    FieldDescriptor.TYPE_MESSAGE,
}
# From the path on REST, where a variable is always there.
PATH_FIELDS = {"GenerateContentRequest.model", "GetModelRequest.name"}


def messages(nested: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """Messages within messages; the entries of maps are none of our own."""
    for message in nested:
        if not message.GetOptions().map_entry:
            yield message
        yield from messages(message.nested_types)


def fields(*files: object) -> list[FieldDescriptor]:
    tops = [message for file in files for message in file.DESCRIPTOR.message_types_by_name.values()]  # type: ignore[attr-defined]
    return [field for message in messages(tops) for field in message.fields]


def names(found: Iterable[FieldDescriptor]) -> list[str]:
    return [field.full_name.removeprefix("routerhub.images.v1.") for field in found]


def test_no_integer_is_64_bits_wide() -> None:
    """JSON would quote it, and SDKs reject a quoted `created` or token count."""
    assert names(field for field in fields(*FILES) if field.type in SIXTY_FOUR_BITS) == []


def test_numbers_are_double_or_32_bit_integers() -> None:
    assert names(field for field in fields(*FILES) if field.type not in ALLOWED) == []


def test_single_values_tell_absent_from_zero() -> None:
    singular = (field for field in fields(*SHAPES) if not field.is_repeated)
    assert set(names(field for field in singular if not field.has_presence)) == PATH_FIELDS


def test_json_of_gemini_is_lower_camel_case() -> None:
    assert names(field for field in fields(gemini_pb2) if "_" in field.json_name) == []


def test_json_of_openai_is_snake_case() -> None:
    assert names(field for field in fields(openai_images_pb2) if field.json_name != field.name) == []


@pytest.mark.parametrize("name", ["data", "b64_json", "thought_signature", "continuation_token", "sdk_blob"])
def test_base64_of_the_vendors_is_bytes(name: str) -> None:
    carriers = [field for field in fields(*SHAPES) if field.name == name and field.message_type is None]
    assert carriers
    assert {field.type for field in carriers} == {FieldDescriptor.TYPE_BYTES}


@pytest.mark.parametrize(
    "name", ["finish_reason", "block_reason", "aspect_ratio", "image_size", "thinking_level"]
)
def test_open_vocabularies_are_strings(name: str) -> None:
    carriers = [field for field in fields(*SHAPES) if field.name == name]
    assert carriers
    assert {field.type for field in carriers} == {FieldDescriptor.TYPE_STRING}


def test_openai_has_no_enums() -> None:
    """OpenAI keeps adding sizes, qualities and formats."""
    assert names(field for field in fields(openai_images_pb2) if field.enum_type is not None) == []
