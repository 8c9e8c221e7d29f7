"""Typed messages into JSON: JSON names, only the fields that are set, enum names, standard base64."""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pybase64
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from routerhub_server.errors import InvalidRequestError, Violation
from routerhub_server.json_codec.plans import FieldPlan, plans_of

_EXACT_INTEGERS = 2**53


def encode(message: Message) -> bytes:
    """The message as UTF-8 JSON; a field with presence is written whenever it is set, zero included.

    Whole doubles are written as integers, NaN and the infinities as strings, enum values without a name as
    numbers. Raises InvalidRequestError for a Duration or Timestamp that its JSON form cannot express.
    """
    return msgspec.json.encode(_message(message))


def _message(message: Any) -> Any:
    write = _SPECIAL_FORMS.get(message.DESCRIPTOR.full_name)
    if write:
        return write(message)
    plans = plans_of(message.DESCRIPTOR)
    fields = ((plans[field.name], value) for field, value in message.ListFields())
    return {plan.json_name: _field(plan, value) for plan, value in fields}


def _field(plan: FieldPlan, value: Any) -> Any:
    if plan.map_value:
        return {key: _value(plan.map_value, value[key]) for key in value}
    return [_value(plan, element) for element in value] if plan.is_list else _value(plan, value)


def _value(plan: FieldPlan, value: Any) -> Any:
    match plan.proto_type:
        case Field.TYPE_MESSAGE:
            return _message(value)
        case Field.TYPE_BYTES:
            return pybase64.b64encode_as_string(value)
        case Field.TYPE_DOUBLE:
            return _number(value)
        case Field.TYPE_ENUM:
            return None if plan.takes_null else plan.enum_names.get(value, value)
        case _:
            return value


def _number(value: float) -> float | int | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < _EXACT_INTEGERS else value


def _struct(struct: Any) -> dict[str, Any]:
    return {key: _free_form(value) for key, value in struct.fields.items()}


def _list_value(elements: Any) -> list[Any]:
    return [_free_form(value) for value in elements.values]


def _free_form(value: Any) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _struct(value.struct_value)
        case "list_value":
            return _list_value(value.list_value)
        case "number_value":
            return _number(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _time(time: Any) -> str:
    try:
        text: str = time.ToJsonString()
    except ValueError:
        raise InvalidRequestError([Violation("", f"{time.DESCRIPTOR.name} out of range.")]) from None
    return text


_SPECIAL_FORMS: dict[str, Callable[[Any], Any]] = {
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _free_form,
    "google.protobuf.ListValue": _list_value,
    "google.protobuf.Duration": _time,
    "google.protobuf.Timestamp": _time,
}
