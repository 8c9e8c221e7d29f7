"""What callers are told, in their vendor's words: Google's JSON parser's and OpenAI's."""

from abc import ABC, abstractmethod

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from routerhub_server.errors import InvalidRequestError, Violation
from routerhub_server.json_codec.listener import Misfit, Path
from routerhub_server.json_codec.plans import FieldPlan
from routerhub_server.json_codec.scalars import INT_RANGES

MAX_VIOLATIONS = 50
"""Violations told; the last of them then says that there are more."""
_LONGEST_VALUE = 64
_LONGEST_NAME = 100


class RequestErrors(ABC):
    """Collects violations."""

    text_as_numbers: bool
    numbers_as_text = False
    single_as_list: bool

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    @abstractmethod
    def wrong_root(self, value: object) -> None: ...

    @abstractmethod
    def unknown_name(self, parent: Path, name: str) -> None: ...

    @abstractmethod
    def named_twice(self, parent: Path, name: str) -> None: ...

    @abstractmethod
    def oneof_taken(self, parent: Path, plan: FieldPlan) -> None: ...

    @abstractmethod
    def misfit(self, path: Path, plan: FieldPlan, value: object, misfit: Misfit) -> None: ...

    def _add(self, field: str, description: str, code: str, reason: str = "INVALID_VALUE") -> None:
        if len(self.violations) == MAX_VIOLATIONS - 1:
            self.violations.append(Violation("", f"Only the first {MAX_VIOLATIONS - 1} problems are listed."))
            raise InvalidRequestError(self.violations)
        self.violations.append(Violation(field, description, reason, code))


class GeminiErrors(RequestErrors):
    """Google's texts, as its proto3 JSON parser has them."""

    text_as_numbers = True
    single_as_list = True

    def wrong_root(self, value: object) -> None:
        self._invalid_name((), "", "Root element must be a message.")

    def unknown_name(self, parent: Path, name: str) -> None:
        self._invalid_name(parent, name, "Cannot find field.", "unknown_parameter", "UNKNOWN_FIELD")

    def named_twice(self, parent: Path, name: str) -> None:
        self._invalid_name(parent, name, "Proto field is already set under its other name.")

    def oneof_taken(self, parent: Path, plan: FieldPlan) -> None:
        why = f"oneof field '{plan.oneof}' is already set. Cannot set '{plan.json_name}'"
        self._invalid_value(parent, "oneof", why)

    def misfit(self, path: Path, plan: FieldPlan, value: object, misfit: Misfit) -> None:
        match misfit, value:
            case Misfit.NOT_A_MAP, _:
                kind = "list" if isinstance(value, list) else "primitive"
                self._invalid_value(path[:-1], "Map", f"Cannot bind a {kind} to map for field '{plan.name}'.")
            case Misfit.RANGE, dict() | list():
                self._invalid_value(path, _google_type(plan), "a number in it is out of range.")
            case _, list():
                in_list = path[-1].startswith("[")
                parent, name = (path, "") if in_list else (path[:-1], plan.name)
                self._invalid_name(parent, name, "Proto field is not repeating, cannot start list.")
            case _, dict():
                self._invalid_value(path[:-1], plan.name, "Starting an object on a scalar field")
            case Misfit.BASE64, _:
                why = f"Base64 decoding failed for {_google_literal(value)}"
                self._invalid_value(path, _google_type(plan), why)
            case _:
                self._invalid_value(path, _google_type(plan), _google_literal(value))

    def _invalid_name(
        self, parent: Path, name: str, why: str, code: str = "invalid_value", reason: str = "INVALID_VALUE"
    ) -> None:
        where = _joined(parent)
        at = f" at '{where}'" if where else ""
        text = f'Invalid JSON payload received. Unknown name "{_clipped(name, _LONGEST_NAME)}"{at}: {why}'
        self._add(where, text, code, reason)

    def _invalid_value(self, path: Path, kind: str, why: str) -> None:
        where = _joined(path)
        at = f" at '{where}'" if where else ""
        self._add(where, f"Invalid value{at} ({kind}), {why}", "invalid_value")


class OpenAIErrors(RequestErrors):
    """OpenAI's texts and codes."""

    text_as_numbers = False
    single_as_list = False

    def wrong_root(self, value: object) -> None:
        text = f"Invalid type for request body: expected an object, but got {_openai_kind(value)} instead."
        self._add("", text, "invalid_type")

    def unknown_name(self, parent: Path, name: str) -> None:
        where = _joined([*parent, _clipped(name, _LONGEST_NAME)])
        self._add(where, f"Unknown parameter: '{where}'.", "unknown_parameter", "UNKNOWN_FIELD")

    def named_twice(self, parent: Path, name: str) -> None:
        where = _joined([*parent, name])
        self._add(where, f"Duplicate parameter: '{where}'.", "duplicate_parameter")

    def oneof_taken(self, parent: Path, plan: FieldPlan) -> None:
        where = _joined([*parent, plan.name])
        self._add(where, f"Mutually exclusive parameters: '{where}' excludes others.", "invalid_value")

    def misfit(self, path: Path, plan: FieldPlan, value: object, misfit: Misfit) -> None:
        where = _joined(path)
        match misfit, value:
            case Misfit.NOT_A_LIST, _:
                self._wrong_type(where, "an array", value)
            case Misfit.NOT_A_MAP, _:
                self._wrong_type(where, "an object", value)
            case Misfit.RANGE, int() | float() if plan.proto_type in INT_RANGES:
                self._out_of_range(where, plan, value)
            case Misfit.BASE64, _:
                self._add(where, f"Invalid '{where}': expected base64-encoded data.", "invalid_value")
            case Misfit.ENUM_NAME, str():
                self._unsupported(where, plan, value)
            case _:
                self._wrong_type(where, _OPENAI_KINDS[plan.proto_type], value)

    def _wrong_type(self, where: str, expected: str, value: object) -> None:
        text = f"Invalid type for '{where}': expected {expected}, but got {_openai_kind(value)} instead."
        self._add(where, text, "invalid_type")

    def _out_of_range(self, where: str, plan: FieldPlan, value: float) -> None:
        lowest, highest = INT_RANGES[plan.proto_type]
        side, bound = ("above max", f"<= {highest}") if value > highest else ("below min", f">= {lowest}")
        got = _clipped(str(value), _LONGEST_VALUE)
        text = f"integer {side}imum value. Expected a value {bound}, but got {got} instead."
        self._add(where, f"Invalid '{where}': {text}", f"integer_{side.replace(' ', '_')}_value")

    def _unsupported(self, where: str, plan: FieldPlan, value: str) -> None:
        *names, last = (f"'{name}'" for name in plan.enum_numbers)
        supported = f"{', '.join(names)} and {last}"
        text = f"Invalid value: '{_clipped(value, _LONGEST_VALUE)}'. Supported values are: {supported}."
        self._add(where, text, "invalid_value")


_GOOGLE_TYPES: dict[int, str] = {number: name for name, number in FieldDescriptorProto.Type.items()}
_OPENAI_KINDS = {
    Field.TYPE_STRING: "a string",
    Field.TYPE_BYTES: "a string",
    Field.TYPE_ENUM: "a string",
    Field.TYPE_BOOL: "a boolean",
    Field.TYPE_INT32: "an integer",
    Field.TYPE_UINT32: "an integer",
    Field.TYPE_DOUBLE: "a decimal",
    Field.TYPE_MESSAGE: "an object",
}


def _openai_kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _google_type(plan: FieldPlan) -> str:
    if plan.type_name:
        name = plan.type_name.replace("routerhub.images.v1.", "google.ai.generativelanguage.v1beta.")
        return f"type.googleapis.com/{name}"
    if plan.proto_type == Field.TYPE_DOUBLE:
        return "TYPE_FLOAT"  # what Google's own settings are; ours keep all digits
    return _GOOGLE_TYPES[plan.proto_type]


def _google_literal(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f'"{_clipped(value, _LONGEST_VALUE)}"'
        case _:
            return _clipped(str(value), _LONGEST_VALUE)


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _joined(path: Path) -> str:
    """`contents[0].parts[1].text`"""
    return ".".join(path).replace(".[", "[")
