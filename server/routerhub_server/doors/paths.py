"""Paths of the REST door that no call lives behind: 404 or 405, in the dialect of the path."""

import re
from typing import NoReturn

from routerhub_server.errors import MethodNotAllowedError, ModelNotFoundError, RouteNotFoundError

GENERATE = re.compile(r"(/v1beta|/v1)?/(models|google)/.+:generateContent")
OTHER_VERB = re.compile(r"(/v1beta|/v1)?/(?:models/|google/)?(?P<model>.+):(?P<verb>[a-zA-Z]+)")
KNOWN = (
    (GENERATE, "POST"),
    (re.compile(r"/v1/images/generations"), "POST"),
    (re.compile(r"/(v1|v1beta)/models(/[^:]+)?"), "GET"),
)


def refuse(verb: str, path: str) -> NoReturn:
    """Raises MethodNotAllowedError where the path exists, ModelNotFoundError for Gemini methods that we
    do not serve, RouteNotFoundError otherwise."""
    shown = path[:200]
    for pattern, allow in KNOWN:
        if pattern.fullmatch(path) and verb != allow:
            raise MethodNotAllowedError(f"{verb} is not allowed on {shown}; use {allow}.", allow=allow)
    if verb == "POST" and (match := OTHER_VERB.fullmatch(path)):
        raise ModelNotFoundError(match["model"][:200], method=match["verb"][:100])
    raise RouteNotFoundError(f"Invalid URL ({verb} {shown})")


def refuse_verb(name: str) -> None:
    """GET on `models/x:generateContent` reaches GetModel. Raises MethodNotAllowedError."""
    if ":" in name:
        raise MethodNotAllowedError(f"GET is not allowed on {name[:200]}; use POST.", allow="POST")
