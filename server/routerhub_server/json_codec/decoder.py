"""The walk from parsed JSON into a message: in place, led by descriptors."""

from collections.abc import Callable
from functools import partial
from typing import Any

from google.protobuf.message import Message

from routerhub_server.errors import MalformedBodyError
from routerhub_server.json_codec.listener import ErrorListener, Misfit, MisfitError
from routerhub_server.json_codec.plans import FieldPlan, plans_of
from routerhub_server.json_codec.scalars import read_double, read_scalar, read_time

MAX_DEPTH = 100
"""Message levels, as protobuf parsers count them; an object inside a Struct takes three."""


class Decoder:
    """Fills one message; `errors` hears of all that does not fit, and the walk skips it.

    `room` is the number of message levels that may still nest. Raises RecursionError beyond MAX_DEPTH and
    MalformedBodyError beyond `max_values`.
    """

    def __init__(self, errors: ErrorListener, max_values: float = float("inf")) -> None:
        self._errors = errors
        self._path: list[str] = []
        self._values_left = max_values

    def read_root(self, message: Message, data: object) -> None:
        if isinstance(data, dict):
            self._fill(message, data, MAX_DEPTH)
        else:
            self._errors.wrong_root(data)

    def _fill(self, message: Message, data: dict[str, Any], room: int) -> None:
        self._enter(data, room - 1)
        plans = plans_of(message.DESCRIPTOR)
        seen: set[str] = set()
        for name, value in data.items():
            plan = plans.get(name)
            if plan is None:
                self._errors.unknown_name(self._path, name)
            elif value is None and (plan.is_list or not plan.takes_null):
                continue
            elif plan.name in seen:
                self._errors.named_twice(self._path, name)
            elif plan.oneof in seen:
                self._errors.oneof_taken(self._path, plan)
            else:
                seen.update((plan.name, plan.oneof or plan.name))
                self._field(message, plan, value, room)

    def _field(self, message: Message, plan: FieldPlan, value: Any, room: int) -> None:
        if plan.map_value:
            read = partial(self._map, getattr(message, plan.name), plan.map_value, value, room)
        elif plan.is_list:
            read = partial(self._list, getattr(message, plan.name), plan, value, room)
        else:
            slot = partial(getattr if plan.is_message else setattr, message, plan.name)
            read = partial(self._value, slot, plan, value, room - 1)
        self._at(plan.name, plan, value, read)

    def _at(self, segment: str, plan: FieldPlan, value: object, read: Callable[[], None]) -> None:
        self._path.append(segment)
        try:
            read()
        except MisfitError as error:
            self._errors.misfit(self._path, plan, value, error.misfit)
        self._path.pop()

    def _list(self, elements: Any, plan: FieldPlan, value: object, room: int) -> None:
        slot = elements.add if plan.is_message else elements.append
        if not isinstance(value, list):
            if not self._errors.single_as_list:
                raise MisfitError(Misfit.NOT_A_LIST)
            return self._value(slot, plan, value, room - 1)
        self._enter(value, room)
        for index, element in enumerate(value):
            self._at(f"[{index}]", plan, element, partial(self._value, slot, plan, element, room - 1))

    def _map(self, entries: Any, plan: FieldPlan, value: object, room: int) -> None:
        if not isinstance(value, dict):
            raise MisfitError(Misfit.NOT_A_MAP)
        self._enter(value, room)
        for index, (key, element) in enumerate(value.items()):
            slot = partial(entries.__getitem__ if plan.is_message else entries.__setitem__, key)
            self._at(f"[{index}].value", plan, element, partial(self._value, slot, plan, element, room - 2))

    def _value(self, slot: Callable[..., Any], plan: FieldPlan, value: Any, room: int) -> None:
        """One value: called, `slot` makes the message to fill; called with a scalar, it stores that."""
        if value is None and not plan.takes_null:
            raise MisfitError(Misfit.NULL_ELEMENT)
        if plan.is_message:
            _MESSAGE_READERS.get(plan.type_name, Decoder._object)(self, slot(), value, room)
        else:
            slot(read_scalar(plan, value, self._errors))

    def _object(self, message: Message, value: object, room: int) -> None:
        if not isinstance(value, dict):
            raise MisfitError(Misfit.TYPE)
        message.SetInParent()
        self._fill(message, value, room)

    def _struct(self, struct: Any, value: object, room: int) -> None:
        if not isinstance(value, dict):
            raise MisfitError(Misfit.TYPE)
        self._enter(value, room - 2)
        struct.SetInParent()
        for key, element in value.items():
            self._free_form(struct.fields[key], element, room - 2)

    def _list_value(self, elements: Any, value: object, room: int) -> None:
        if not isinstance(value, list):
            raise MisfitError(Misfit.TYPE)
        self._enter(value, room - 1)
        elements.SetInParent()
        for element in value:
            self._free_form(elements.values.add(), element, room - 1)

    def _free_form(self, target: Any, value: object, room: int) -> None:
        """Any JSON into a Value; integers beyond 2**53 are rounded, as a Value holds doubles."""
        match value:
            case None:
                target.null_value = 0
            case bool():
                target.bool_value = value
            case str():
                target.string_value = value
            case dict():
                self._struct(target.struct_value, value, room - 1)
            case list():
                self._list_value(target.list_value, value, room - 1)
            case _:
                target.number_value = read_double(value)

    def _time(self, target: Any, value: object, room: int) -> None:
        read_time(target, value)

    def _enter(self, container: dict[str, Any] | list[Any], room: int) -> None:
        self._values_left -= len(container)
        if self._values_left < 0:
            raise MalformedBodyError("body holds too many values")
        if room <= 0:
            raise RecursionError


_MESSAGE_READERS: dict[str, Callable[[Decoder, Any, object, int], None]] = {
    "google.protobuf.Struct": Decoder._struct,
    "google.protobuf.Value": Decoder._free_form,
    "google.protobuf.ListValue": Decoder._list_value,
    "google.protobuf.Duration": Decoder._time,
    "google.protobuf.Timestamp": Decoder._time,
}
