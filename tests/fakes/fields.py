"""Checking a JSON body against a hand-written list of a vendor's fields, apart from our own protos."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any], bool]
Spec = Any
"""A Check; a dict of field name to Spec; `[Spec]` for a list of them; `Lazy` for one that contains itself."""

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@dataclass(frozen=True)
class Problem:
    path: str
    """Of the object that holds the field: `contents[0].parts[1]`; empty at the root."""
    name: str
    value: Any
    known: bool
    """Whether the vendor has such a field."""


def text(value: Any) -> bool:
    return isinstance(value, str)


def boolean(value: Any) -> bool:
    return isinstance(value, bool)


def integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def base64(value: Any) -> bool:
    """Standard alphabet, padded: what we promise to send, narrower than what vendors accept."""
    return isinstance(value, str) and _BASE64.fullmatch(value) is not None


def duration(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?s", value) is not None


def anything(_value: Any) -> bool:
    return True


def any_object(value: Any) -> bool:
    return isinstance(value, dict)


def one_of(*names: str) -> Check:
    return lambda value: value in names


def prefixed(prefix: str, *names: str) -> Check:
    return one_of(*(prefix + name for name in names))


def problems(spec: Mapping[str, Spec], data: Mapping[str, Any], path: str = "") -> Iterator[Problem]:
    """Everything in `data` that `spec` does not allow."""
    for name, value in data.items():
        if name not in spec:
            yield Problem(path, name, value, known=False)
        else:
            yield from _problems(spec[name], value, path, name)


def _problems(spec: Spec, value: Any, path: str, name: str) -> Iterator[Problem]:
    below = f"{path}.{name}" if path else name
    if isinstance(spec, Lazy):
        spec = spec.spec()
    if isinstance(spec, list) and isinstance(value, list):
        for index, element in enumerate(value):
            yield from _problems(spec[0], element, path, f"{name}[{index}]")
    elif isinstance(spec, dict) and isinstance(value, dict):
        yield from problems(spec, value, below)
    elif isinstance(spec, list | dict) or not spec(value):
        yield Problem(path, name, value, known=True)


@dataclass(frozen=True)
class Lazy:
    """For a Spec that contains itself."""

    spec: Callable[[], Spec]
