"""What a request may name that the operator has at a provider: uploaded files, caches, stores, buckets.

Every caller's requests reach the provider with the operator's one key, so that what one account has put there
would be open to all who can guess its name.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from routerhub.images.v1.gemini_pb2 import Content, FileData, GenerateContentRequest

PUBLIC_GOOGLE_HOSTS = ("storage.googleapis.com",)
"""Where Google serves what anybody may read; its other API hosts read with the caller's credentials."""


def named_in(request: Any) -> Iterator[str]:
    """The fields that name such a thing, e.g. `contents[0].parts[1].file_data.file_uri`.

    OpenAI's requests for images have no such field.
    """
    if not isinstance(request, GenerateContentRequest):
        return
    if request.cached_content:
        yield "cached_content"
    if request.output_config.output_uri_prefix:
        yield "output_config.output_uri_prefix"
    for i, tool in enumerate(request.tools):
        if tool.file_search.file_search_store_names:
            yield f"tools[{i}].file_search.file_search_store_names"
    yield from _in_content("system_instruction", request.system_instruction)
    for i, content in enumerate(request.contents):
        yield from _in_content(f"contents[{i}]", content)


def _in_content(path: str, content: Content) -> Iterator[str]:
    for j, part in enumerate(content.parts):
        at = f"{path}.parts[{j}]"
        kind = part.WhichOneof("data")
        if kind == "file_data":
            yield from _in_file(at, part.file_data)
        elif kind == "function_response":
            for k, inner in enumerate(part.function_response.parts):
                yield from _in_file(f"{at}.function_response.parts[{k}]", inner.file_data)


def _in_file(path: str, file: FileData) -> Iterator[str]:
    if file.file_uri and not is_public(file.file_uri):
        yield f"{path}.file_data.file_uri"


def is_public(uri: str) -> bool:
    """Whether anybody could fetch it: an http or https URL, but not one of the provider's own API."""
    try:
        parts = urlsplit(uri.strip())
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    return host in PUBLIC_GOOGLE_HOSTS or not f".{host}".endswith(".googleapis.com")
