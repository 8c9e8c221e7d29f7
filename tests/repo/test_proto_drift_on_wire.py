"""Every field that google-genai puts on the wire for generateContent is in the protos.

The SDK sends one request per setting, with only that setting made, as the Developer API's client and as
Vertex AI's.
"""

import enum
import json
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any

import httpx
import pydantic
import yaml
from google import genai
from google.genai import types
from google.protobuf.descriptor import Descriptor

from routerhub.images.v1 import gemini_pb2

IGNORED = Path(__file__).parents[1] / "data" / "proto_drift_ignored.yaml"
STAYS_HOME = yaml.safe_load(IGNORED.read_text())["settings"]
REQUEST = gemini_pb2.GenerateContentRequest.DESCRIPTOR
PROMPT = types.Content(role="user", parts=[types.Part(text="a red circle")])
VALUES: dict[Any, Any] = {
    str: "text",
    bool: True,
    int: 1,
    float: 1.0,
    bytes: b"\x01",
    datetime: datetime(2026, 1, 2, tzinfo=UTC),
    Any: {"type": "object"},
}
# What the SDK types as a bare list, because callables may stand in it.
UNTYPED = {"GenerateContentConfig.tools": list[types.Tool]}

Body = dict[str, Any]


def test_every_field_on_the_wire_is_in_the_protos() -> None:
    sent = [body for bodies in wire().values() for body in bodies]
    lacking = {path for body in sent for path in unknown_paths(body, REQUEST)}
    assert not lacking, ", ".join(sorted(lacking))


def test_every_setting_reaches_the_wire_of_one_client_at_least() -> None:
    """Else the test above would look at nothing."""
    prompt_only = {"contents": [PROMPT.model_dump(exclude_none=True)]}
    plain = [prompt_only, prompt_only | {"generationConfig": {}}]
    assert [name for name, bodies in wire().items() if all(body in plain for body in bodies)] == []


def test_settings_that_stay_home_exist() -> None:
    known = {f"GenerateContentConfig.{name}" for name in types.GenerateContentConfig.model_fields}
    assert set(STAYS_HOME) - known == set()


def test_a_field_that_the_protos_lack_is_named_with_its_path() -> None:
    body = {
        "contents": [{"parts": [{"text": "a", "new": 1}]}],
        "generationConfig": {"imageConfig": {"newer": {}}},
    }
    assert list(unknown_paths(body, REQUEST)) == [
        ".contents.parts.new",
        ".generationConfig.imageConfig.newer",
    ]


# --- what the SDK sends ---------------------------------------------------------------------------------


@cache
def wire() -> dict[str, list[Body]]:
    """The bodies per setting, from the clients that do not refuse it."""
    bodies: dict[str, list[Body]] = {}
    for vertex in (False, True):
        log: list[Body] = []
        client = genai.Client(api_key="key", vertexai=vertex, http_options=recording(log))
        for name, arguments in settings():
            send(client, arguments)
            bodies.setdefault(name, []).extend(log)
            log.clear()
    return bodies


def send(client: genai.Client, arguments: dict[str, Any]) -> None:
    try:
        client.models.generate_content(model="model", **arguments)
    except ValueError as error:
        if "only supported in" not in str(error):
            raise


def recording(log: list[Body]) -> types.HttpOptions:
    def answer(request: httpx.Request) -> httpx.Response:
        log.append(json.loads(request.content))
        return httpx.Response(200, json={})

    return types.HttpOptions(httpx_client=httpx.Client(transport=httpx.MockTransport(answer)))


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, content in samples(types.Content):
        yield name, {"contents": [content]}
    for name, config in samples(types.GenerateContentConfig):
        yield name, {"contents": [PROMPT], "config": config}


def samples(annotation: Any, inside: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Values of a type with the setting they make; of a model one per field, with only that field set."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        yield "", arguments[-1]
    elif origin in {typing.Union, UnionType}:
        yield from samples(preferred(arguments), inside)
    elif origin is list:
        yield from ((name, [value]) for name, value in samples(arguments[0], inside))
    elif origin is dict:
        yield from ((name, {"key": value}) for name, value in samples(arguments[1], inside))
    elif isinstance(annotation, enum.EnumMeta):
        yield "", list(annotation)[-1]
    elif is_model(annotation):
        yield from model_samples(annotation, inside)
    else:
        yield "", VALUES[annotation]


def model_samples(model: type[pydantic.BaseModel], inside: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """A recursion ends in an empty model."""
    fields = {} if model in inside else model.model_fields
    for field, info in fields.items():
        name = f"{model.__name__}.{field}"
        if name not in STAYS_HOME:
            for inner, value in samples(UNTYPED.get(name, info.annotation), (*inside, model)):
                yield f"{name} {inner}", model(**{field: value})
    if not fields:
        yield "", model()


def preferred(members: tuple[Any, ...]) -> Any:
    """A union's model if there is one, else its first member."""
    return next((member for member in members if is_model(member)), members[0])


def is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)


# --- what the protos have -------------------------------------------------------------------------------


def unknown_paths(value: Any, proto: Descriptor | None, path: str = "") -> Iterator[str]:
    if proto is None or proto.full_name.startswith("google.protobuf."):
        return
    if proto.GetOptions().map_entry:
        yield from unknown_paths(list(value.values()), proto.fields_by_name["value"].message_type, path)
        return
    for item in value if isinstance(value, list) else [value]:
        for name, inner in item.items():
            field = next((field for field in proto.fields if name in {field.json_name, field.name}), None)
            if field is None:
                yield f"{path}.{name}"
            else:
                yield from unknown_paths(inner, field.message_type, f"{path}.{name}")
