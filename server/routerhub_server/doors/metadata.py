"""What the doors read from a call's metadata (REST headers arrive as metadata too)."""

import re
from collections.abc import Iterable
from typing import Any, Self

from routerhub_server.errors import UnauthenticatedError
from routerhub_server.upstreams.base import Interface

BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


class Metadata:
    """Invocation metadata, by lower-case name. Repeated names keep every value."""

    def __init__(self, pairs: Iterable[tuple[str, str | bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if isinstance(value, str):
                self._values.setdefault(name, []).append(value)

    @classmethod
    def of(cls, context: Any) -> Self:
        """What a gRPC servicer context holds."""
        return cls(context.invocation_metadata() or ())

    def get(self, name: str) -> str | None:
        """The first value, or None."""
        return self._values[name][0] if name in self._values else None

    def number(self, name: str) -> float | None:
        """A positive, finite number; None for anything else: callers cannot break a call by it."""
        text = self.get(name) or ""
        return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) and float(text) > 0 else None

    @property
    def path(self) -> str:
        """The HTTP path that the caller used, without the query; empty on the typed door."""
        return (self.get("x-envoy-original-path") or "").partition("?")[0]

    @property
    def query(self) -> str:
        return (self.get("x-envoy-original-path") or "").partition("?")[2]

    @property
    def verb(self) -> str:
        """The HTTP method that the caller used."""
        return self.get("x-envoy-original-method") or ""


def credential(metadata: Metadata, *, google_header: bool) -> str:
    """The API key that the caller sent: `Authorization: Bearer`, or `x-goog-api-key` where that is spoken.

    Raises UnauthenticatedError when there is none, also when it stands in the URL, where it would leak.
    """
    authorization = metadata.get("authorization")
    if authorization and (match := BEARER.fullmatch(authorization)):
        return match[1]
    if google_header and (key := metadata.get("x-goog-api-key")):
        return key.strip()
    if authorization:
        raise UnauthenticatedError("The authorization header is not `Bearer` followed by an API key.")
    if re.search(r"(^|&)key=", metadata.query):
        raise UnauthenticatedError(
            "An API key in the URL (?key=) is not accepted, because URLs end up in logs. "
            "Send it as the header x-goog-api-key or Authorization: Bearer."
        )
    where = "`Authorization: Bearer rh_...`" + (" or `x-goog-api-key: rh_...`" if google_header else "")
    raise UnauthenticatedError(f"The API key is missing. Send it as {where}.")


def interface_of(path: str, metadata: Metadata) -> Interface:
    """Whose dialect a REST path speaks; on shared paths the caller's key header decides."""
    if path.startswith("/v1beta") or re.search(r":[a-zA-Z]+$", path):
        return "gemini"
    if path.startswith(("/v1/images", "/images")):
        return "openai"
    return "gemini" if metadata.get("x-goog-api-key") else "openai"
