"""Google's ways of saying what is wrong."""

from routerhub_server.errors import Violation

_PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta"


def rule(field: str, text: str, *, reason: str = "INVALID_VALUE") -> Violation:
    """A breach of the message's rules: `* GenerateContentRequest.<field>: <text>` and a newline."""
    return Violation(field, f"* GenerateContentRequest.{field}: {text}\n", reason)


def missing(field: str, text: str) -> Violation:
    """As `rule`, for what must be there."""
    return rule(field, text, reason="MISSING_FIELD")


def unknown_name(field: str, enum: str, value: str) -> Violation:
    """A name that `enum` (without its package) does not have."""
    return Violation(field, f"Invalid value at '{field}' ({_PACKAGE}.{enum}), \"{shortened(value)}\"")


def out_of_range(field: str, json_name: str, value: float, low: int, end: int) -> Violation:
    """A number outside `low` to `end`, the latter excluded."""
    shown = value if isinstance(value, int) else f"{value:g}"
    return Violation(
        field,
        f"Unable to submit request because it has a {json_name} value of {shown} but the supported range "
        f"is from {low} (inclusive) to {end} (exclusive). Update the value and try again.",
    )


def shortened(value: str) -> str:
    """A caller's value, at a length that fits an error message."""
    return value if len(value) <= 100 else f"{value[:100]}..."
