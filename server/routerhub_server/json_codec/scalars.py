"""JSON scalars into the values that proto fields take; MisfitError where they do not fit."""

import re
from collections.abc import Callable
from typing import Any, TypeGuard

import pybase64
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from routerhub_server.json_codec.listener import Lenience, Misfit, MisfitError
from routerhub_server.json_codec.plans import FieldPlan

INT_RANGES = {Field.TYPE_INT32: (-(2**31), 2**31 - 1), Field.TYPE_UINT32: (0, 2**32 - 1)}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,30})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?")
_LONGEST_TIME = 40
"""Characters; RFC 3339 with nanoseconds and an offset takes 35."""


def read_scalar(plan: FieldPlan, value: object, lenience: Lenience) -> Any:
    """What to set: a str, bytes, int, float or bool; for enums their number."""
    return _READERS[plan.proto_type](plan, value, lenience)


def read_double(value: object) -> float:
    """Raises MisfitError for an integer of more than 308 digits."""
    if not _is_number(value):
        raise MisfitError(Misfit.TYPE)
    try:
        return float(value)
    except OverflowError:
        raise MisfitError(Misfit.RANGE) from None


def read_time(target: Duration | Timestamp, value: object) -> None:
    """Fills a Duration from `"3.5s"`, a Timestamp from RFC 3339 text."""
    if not isinstance(value, str) or len(value) > _LONGEST_TIME:
        raise MisfitError(Misfit.TYPE)
    try:
        target.FromJsonString(value)
    except (ValueError, OverflowError):
        raise MisfitError(Misfit.TYPE) from None


def _string(plan: FieldPlan, value: object, lenience: Lenience) -> str:
    if isinstance(value, str):
        return value
    if lenience.numbers_as_text and _is_number(value):
        return str(value)
    raise MisfitError(Misfit.TYPE)


def _bytes(plan: FieldPlan, value: object, lenience: Lenience) -> bytes:
    if isinstance(value, str):
        return _decode_base64(value)
    raise MisfitError(Misfit.TYPE)


def _bool(plan: FieldPlan, value: object, lenience: Lenience) -> bool:
    if isinstance(value, bool):
        return value
    raise MisfitError(Misfit.TYPE)


def _double(plan: FieldPlan, value: object, lenience: Lenience) -> float:
    if lenience.text_as_numbers and isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    return read_double(value)


def _int(plan: FieldPlan, value: object, lenience: Lenience) -> int:
    if lenience.text_as_numbers and isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if not _is_number(value) or int(value) != value:
        raise MisfitError(Misfit.TYPE)
    lowest, highest = INT_RANGES[plan.proto_type]
    if not lowest <= value <= highest:
        raise MisfitError(Misfit.RANGE)
    return int(value)


def _enum(plan: FieldPlan, value: object, lenience: Lenience) -> int:
    if value is None:  # let through for NullValue only
        return 0
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MisfitError(Misfit.TYPE)
    number = plan.enum_numbers.get(value.upper()) if isinstance(value, str) else value
    if number is None or number not in plan.enum_names:
        raise MisfitError(Misfit.ENUM_NAME)
    return number


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decode_base64(text: str) -> bytes:
    """Copies the text only to pad it, or to take line breaks out."""
    url_safe = "-" in text or "_" in text
    try:
        if url_safe and ("+" in text or "/" in text):
            raise ValueError("two alphabets in one text")
        padded = text + "=" * (-len(text) % 4)
        return pybase64.b64decode(padded, altchars=b"-_" if url_safe else None, validate=True)
    except ValueError:
        if "\n" in text:
            return _decode_base64(text.replace("\r", "").replace("\n", ""))
        raise MisfitError(Misfit.BASE64) from None


_READERS: dict[int, Callable[[FieldPlan, object, Lenience], Any]] = {
    Field.TYPE_STRING: _string,
    Field.TYPE_BYTES: _bytes,
    Field.TYPE_BOOL: _bool,
    Field.TYPE_INT32: _int,
    Field.TYPE_UINT32: _int,
    Field.TYPE_DOUBLE: _double,
    Field.TYPE_ENUM: _enum,
}
