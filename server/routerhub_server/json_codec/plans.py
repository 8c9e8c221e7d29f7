"""What the codec must know of each message, read from its descriptor once."""

from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

_SUPPORTED_TYPES = {
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
    FieldDescriptor.TYPE_BOOL,
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_DOUBLE,
    FieldDescriptor.TYPE_ENUM,
    FieldDescriptor.TYPE_MESSAGE,
}
_GOOGLE_TYPES = {"Duration", "Timestamp", "Struct", "Value", "NullValue", "ListValue", "Empty"}


@dataclass(frozen=True, slots=True, eq=False)
class FieldPlan:
    """One field of a message."""

    name: str
    """Proto name, e.g. `inline_data`."""
    json_name: str
    proto_type: int
    """`FieldDescriptor.TYPE_*`."""
    type_name: str
    """Full name of the message or enum type; empty for scalars."""
    is_message: bool
    is_list: bool
    map_value: "FieldPlan | None"
    """The values of a map field; its keys are strings."""
    oneof: str
    """Name of the oneof that the field is a member of; empty if none."""
    enum_numbers: dict[str, int]
    enum_names: dict[int, str]
    takes_null: bool
    """Whether null is a value of its own, rather than absence."""


@cache
def plans_of(descriptor: Descriptor) -> dict[str, FieldPlan]:
    """The message's fields, under both spellings of their names."""
    plans = [_plan(field) for field in descriptor.fields]
    return {plan.json_name: plan for plan in plans} | {plan.name: plan for plan in plans}


def _plan(field: FieldDescriptor) -> FieldPlan:
    message: Descriptor | None = field.message_type
    enum: EnumDescriptor | None = field.enum_type
    entry = message if message and message.GetOptions().map_entry else None
    type_name = message.full_name if message else enum.full_name if enum else ""
    _refuse_unsupported(field, type_name)
    return FieldPlan(
        name=field.name,
        json_name=field.json_name,
        proto_type=field.type,
        type_name=type_name,
        is_message=message is not None,
        is_list=field.is_repeated and not entry,
        map_value=_plan(entry.fields_by_name["value"]) if entry else None,
        oneof=_oneof(field),
        enum_numbers={value.name: value.number for value in enum.values} if enum else {},
        enum_names={value.number: value.name for value in enum.values} if enum else {},
        takes_null=type_name in ("google.protobuf.Value", "google.protobuf.NullValue"),
    )


def _oneof(field: FieldDescriptor) -> str:
    """`optional` puts its field into a oneof of one member, which cannot be in conflict."""
    oneof = field.containing_oneof
    return oneof.name if oneof is not None and len(oneof.fields) > 1 else ""


def _refuse_unsupported(field: FieldDescriptor, type_name: str) -> None:
    """What has a JSON form of its own (64-bit integers, Any, wrappers, ...), in no vendor's image API."""
    package, _, name = type_name.rpartition(".")
    if field.type not in _SUPPORTED_TYPES or (package == "google.protobuf" and name not in _GOOGLE_TYPES):
        raise NotImplementedError(f"no JSON form for {field.full_name}")
