"""Typed messages as they really arrived: torn ones refused, unknown fields named instead of dropped."""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from routerhub_server.doors.interceptors.base import AroundInterceptor
from routerhub_server.errors import InvalidRequestError, MalformedBodyError, Violation

GOOGLE = "google.protobuf."
"""Struct, Duration and the like: they have no unknown fields to speak of, and Struct may be deep."""


class _Torn:
    """In place of a message that could not be parsed: the library would answer with the parser's words."""


class DecodingInterceptor(AroundInterceptor):
    def deserializer(self, parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def parse_or_tell(data: bytes) -> Any:
            try:
                return parse(data)
            except DecodeError:
                return _Torn()

        return parse_or_tell

    def unary(self, name: str, inner: Any) -> Any:
        async def handler(request: Any, context: Any) -> Any:
            if isinstance(request, _Torn):
                raise MalformedBodyError("The message could not be parsed.")
            violations = [_violation(path, number) for path, number in unknown_fields(request)]
            if violations:
                raise InvalidRequestError(violations)
            return await inner(request, context)

        return handler


def unknown_fields(message: Message, path: str = "") -> Iterator[tuple[str, int]]:
    """Path of the message, in proto names, and number of every field that it does not know.

    Reads no scalar field: the bytes of images stay where they are.
    """
    for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]  # the stubs lack its iterator
        yield path, unknown.field_number
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None or field.message_type.full_name.startswith(GOOGLE):
            continue
        inner = f"{path}.{field.name}" if path else field.name
        if field.message_type.GetOptions().map_entry:
            continue
        if field.is_repeated:
            for position, item in enumerate(getattr(message, field.name)):
                yield from unknown_fields(item, f"{inner}[{position}]")
        elif message.HasField(field.name):
            yield from unknown_fields(getattr(message, field.name), inner)


def _violation(path: str, number: int) -> Violation:
    where = f" at '{path}'" if path else ""
    text = f"Unknown field number {number}{where}: Cannot find field."
    return Violation(path, text, reason="UNKNOWN_FIELD", code="unknown_parameter")
