"""Which fields of a request an upstream would refuse or ignore."""

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

Lacks = frozenset[str]
"""Fields as `Message.field`, by the message's name in the protos: `SafetySetting.method`."""


def find_lacks(request: Message, lacks: Lacks) -> tuple[str, ...]:
    """The paths, in proto names and without indexes, of the fields that are set and lacking; each once.

    Walks only where such a field can be, so that no image is touched.
    """
    return tuple(dict.fromkeys(_found(request, lacks))) if lacks else ()


def _found(message: Message, lacks: Lacks) -> Iterator[str]:
    for field in _of_interest(message.DESCRIPTOR, lacks):
        if not _is_set(message, field):
            continue
        if _name(field) in lacks:
            yield field.name
            continue
        for below in _messages(message, field):
            yield from (f"{field.name}.{path}" for path in _found(below, lacks))


@cache
def _of_interest(descriptor: Descriptor, lacks: Lacks) -> tuple[FieldDescriptor, ...]:
    """The fields that are lacking or lead to one that is."""
    return tuple(field for field in descriptor.fields if _leads(field, lacks, frozenset()))


def _leads(field: FieldDescriptor, lacks: Lacks, above: Collection[Descriptor]) -> bool:
    if _name(field) in lacks:
        return True
    message = field.message_type
    if message is None or message in above:
        return False
    return any(_leads(below, lacks, {*above, message}) for below in message.fields)


def _name(field: FieldDescriptor) -> str:
    return ".".join(field.full_name.split(".")[-2:])


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    return bool(len(getattr(message, field.name))) if field.is_repeated else message.HasField(field.name)


def _messages(message: Message, field: FieldDescriptor) -> Collection[Message]:
    value: Any = getattr(message, field.name)
    if not field.is_repeated:
        return [value]
    assert field.message_type is not None
    return [value[key] for key in value] if field.message_type.GetOptions().map_entry else value
