"""What the sandbox is told to act out: by configuration, or by markers in the prompt.

[sandbox:latency=3]          answer after 3 seconds
[sandbox:error=429]          the provider answers with this HTTP status, 400 to 599
[sandbox:timeout]            the provider does not answer
[sandbox:bad-reply]          the provider answers garbage
[sandbox:block=SAFETY]       the prompt is blocked, with this reason
[sandbox:finish=NO_IMAGE]    the render ends with this reason and no image
[sandbox:no-image]           the model answers in words
[sandbox:bytes=20000000]     every image file has at least so many bytes
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

# Bounded, so that a hostile prompt of megabytes is still read in one pass.
_MARKER = re.compile(r"\[sandbox:([^\]=]{0,40})(?:=([^\]]{0,80}))?\]")
_MAX_LATENCY = 600.0  # seconds
_MAX_BYTES = 50_000_000


class MarkerError(ValueError):
    """A marker that does not exist, or with a value that it cannot have; the message names it."""


@dataclass(frozen=True, slots=True)
class Script:
    """What to act out; the default is an ordinary render."""

    latency: float = 0.0
    """Seconds."""
    error: int = 0
    """HTTP status; 0 for none."""
    timeout: bool = False
    bad_reply: bool = False
    block: str = ""
    finish: str = ""
    no_image: bool = False
    bytes: int = 0

    def read(self, text: str) -> "Script":
        """This script with what the markers in `text` say; raises MarkerError."""
        changes: dict[str, Any] = {}
        for name, value in _MARKER.findall(text):
            if name not in _VALUES:
                known = ", ".join(_VALUES)
                raise MarkerError(f"Unknown sandbox marker {name!r}. Known markers: {known}.")
            try:
                changes[name.replace("-", "_")] = _VALUES[name](value)
            except ValueError:
                raise MarkerError(f"Invalid value {value!r} of the sandbox marker {name!r}.") from None
        return replace(self, **changes)


def without_markers(text: str) -> str:
    """`text` without markers and with single spaces, so that a marker does not change the drawing."""
    return " ".join(_MARKER.sub(" ", text).split())


def _seconds(value: str) -> float:
    return _within(float(value), 0, _MAX_LATENCY)


def _status(value: str) -> int:
    return int(_within(int(value), 400, 599))


def _size(value: str) -> int:
    return int(_within(int(value), 0, _MAX_BYTES))


def _within(number: float, low: float, high: float) -> float:
    if not (math.isfinite(number) and low <= number <= high):
        raise ValueError(number)
    return number


def _reason(value: str) -> str:
    if not re.fullmatch("[A-Z][A-Z_]*", value):
        raise ValueError(value)
    return value


def _flag(value: str) -> bool:
    if value:
        raise ValueError(value)
    return True


_VALUES: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "latency": _seconds,
        "error": _status,
        "timeout": _flag,
        "bad-reply": _flag,
        "block": _reason,
        "finish": _reason,
        "no-image": _flag,
        "bytes": _size,
    }
)
