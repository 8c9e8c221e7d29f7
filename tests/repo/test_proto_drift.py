"""The protos have every field, type and enum value of the official Python SDKs' types for these calls.

What we leave out or type otherwise on purpose stands, with its reason, in
tests/data/proto_drift_ignored.yaml; an entry that is no longer needed fails too.
"""

import enum
import typing
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any

import pydantic
import typing_extensions
import yaml
from google.genai import types as gemini
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from openai import types as openai
from openai.types import image_generate_params

from routerhub.images.v1 import gemini_pb2, openai_images_pb2

IGNORED_FILE = Path(__file__).parents[1] / "data" / "proto_drift_ignored.yaml"
IGNORED = yaml.safe_load(IGNORED_FILE.read_text())["types"]

TYPES: dict[Any, Descriptor] = {
    gemini.Content: gemini_pb2.Content.DESCRIPTOR,
    gemini.GenerationConfig: gemini_pb2.GenerationConfig.DESCRIPTOR,
    gemini.ImageConfig: gemini_pb2.ImageConfig.DESCRIPTOR,
    gemini.ThinkingConfig: gemini_pb2.ThinkingConfig.DESCRIPTOR,
    gemini.SafetySetting: gemini_pb2.SafetySetting.DESCRIPTOR,
    gemini.Tool: gemini_pb2.Tool.DESCRIPTOR,
    gemini.ToolConfig: gemini_pb2.ToolConfig.DESCRIPTOR,
    gemini.ModelArmorConfig: gemini_pb2.ModelArmorConfig.DESCRIPTOR,
    gemini.GenerationOutputConfig: gemini_pb2.OutputConfig.DESCRIPTOR,
    gemini.GenerateContentResponse: gemini_pb2.GenerateContentResponse.DESCRIPTOR,
    gemini.Model: gemini_pb2.Model.DESCRIPTOR,
    image_generate_params.ImageGenerateParamsStreaming: openai_images_pb2.GenerateImagesRequest.DESCRIPTOR,
    openai.ImagesResponse: openai_images_pb2.GenerateImagesResponse.DESCRIPTOR,
    openai.ImageGenPartialImageEvent: openai_images_pb2.ImageGenPartialImageEvent.DESCRIPTOR,
    openai.ImageGenCompletedEvent: openai_images_pb2.ImageGenCompletedEvent.DESCRIPTOR,
    openai.Model: openai_images_pb2.OpenAIModel.DESCRIPTOR,
}
FREE_FORM = {"google.protobuf.Struct", "google.protobuf.Value"}
KINDS: dict[Any, set[str]] = {
    bool: {"bool"},
    int: {"int32", "uint32"},
    float: {"double"},
    bytes: {"bytes"},
    str: {"string", "enum", "google.protobuf.Duration"},
    datetime: {"google.protobuf.Timestamp"},
    dict: {"google.protobuf.Struct", "map"},
    Any: {"google.protobuf.Value"},
}
SCALARS = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_ENUM: "enum",
}


def test_the_protos_have_all_that_the_sdks_have() -> None:
    lacking = sorted(drift() - set(IGNORED))
    assert not lacking, ", ".join(lacking)


def test_every_ignored_difference_still_exists() -> None:
    stale = sorted(set(IGNORED) - drift())
    assert not stale, ", ".join(stale)


def test_every_ignored_difference_has_a_reason() -> None:
    assert [difference for difference, reason in IGNORED.items() if not reason] == []


def drift() -> set[str]:
    return set[str]().union(*(differences(sdk, proto) for sdk, proto in TYPES.items()))


def differences(sdk: Any, proto: Descriptor, seen: frozenset[Any] = frozenset()) -> set[str]:
    """`Class.field`, `Class.field VALUE` of an enum, and `Class.field: int, not float`."""
    found: set[str] = set()
    if sdk in seen:
        return found
    for name, wire_name, annotation in sdk_fields(sdk):
        where = f"{sdk.__name__}.{name}"
        field = proto_field(proto, wire_name)
        if field is None:
            found.add(where)
            continue
        for leaf in leaves(annotation):
            found |= leaf_differences(where, leaf, field, seen | {sdk})
    return found


def leaf_differences(where: str, leaf: Any, field: FieldDescriptor, seen: frozenset[Any]) -> set[str]:
    kind, value = kind_of(field), value_of(field)
    if is_sdk_message(leaf) and value.message_type is not None:
        return set() if kind in FREE_FORM else differences(leaf, value.message_type, seen)
    if is_sdk_enum(leaf) and value.enum_type is not None:
        return {
            f"{where} {member.value}" for member in leaf if member.value not in value.enum_type.values_by_name
        }
    if kind not in KINDS[str if is_sdk_enum(leaf) else leaf]:
        return {f"{where}: {kind}, not {leaf.__name__}"}
    return set()


def sdk_fields(sdk: Any) -> Iterator[tuple[str, str, Any]]:
    """Name, name on the wire and annotation of each field of a pydantic model or TypedDict."""
    if issubclass(sdk, pydantic.BaseModel):
        for name, info in sdk.model_fields.items():
            yield name, info.alias or name, info.annotation
    else:
        for name, annotation in typing_extensions.get_type_hints(sdk).items():
            yield name, name, annotation


def leaves(annotation: Any) -> Iterator[Any]:
    """The types in an annotation, without lists, unions, literals and the values of maps of messages."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        yield str if isinstance(arguments[0], str) else type(arguments[0])
    elif origin is dict:
        messages = [leaf for leaf in leaves(arguments[1]) if is_sdk_message(leaf)]
        yield from messages or [dict]
    elif origin in {typing.Union, UnionType, list, typing.Annotated}:
        for argument in arguments:
            yield from leaves(argument)
    elif annotation is not type(None):
        yield annotation


def is_sdk_message(leaf: Any) -> bool:
    return isinstance(leaf, type) and (
        issubclass(leaf, pydantic.BaseModel) or typing_extensions.is_typeddict(leaf)
    )


def is_sdk_enum(leaf: Any) -> bool:
    return isinstance(leaf, type) and issubclass(leaf, enum.Enum)


def proto_field(proto: Descriptor, wire_name: str) -> FieldDescriptor | None:
    return next((field for field in proto.fields if wire_name in {field.json_name, field.name}), None)


def kind_of(field: FieldDescriptor) -> str:
    if field is not value_of(field):
        return "map"
    if field.message_type is not None:
        return field.message_type.full_name
    return SCALARS[field.type]


def value_of(field: FieldDescriptor) -> FieldDescriptor:
    """The values of a map, else the field itself."""
    message = field.message_type
    return message.fields_by_name["value"] if message and message.GetOptions().map_entry else field
