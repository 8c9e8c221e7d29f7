"""What an upstream lacks, found in requests."""

import re
from pathlib import Path

import google.genai.models
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub_server.upstreams import gemini, vertex
from routerhub_server.upstreams.features import Lacks, find_lacks

CONVERTERS = Path(google.genai.models.__file__).read_text()
NOT_OURS = {
    # Of other methods.
    *("CountTokensConfig", "EmbedContentConfig", "EmbedContentParametersPrivate", "GenerateVideosConfig"),
    # Within a Struct of ours, which is passed on as it is.
    "AuthConfig",
}
RENAMED = {
    "model_selection_config": "model_config",
    "generation_output_config": "output_config",
    "output_mime_type": "image_output_options",
    "output_compression_quality": "image_output_options",
}
"""Google's SDK flattens the request; these are its names for proto fields."""


def refused_by_the_sdk(target: str) -> set[tuple[str, str]]:
    """(SDK type, proto field) that the SDK's converter to `target` raises for."""
    functions = re.finditer(
        rf"^def _(\w+)_to_{target}\(.*?(?=^def |^class )", CONVERTERS, re.DOTALL | re.MULTILINE
    )
    return {
        (function[1], RENAMED.get(name, name))
        for function in functions
        if function[1] not in NOT_OURS
        for name in re.findall(r"getv\(from_object, \['(\w+)'\]\)[^\n]*\n\s+raise", function[0])
    }


def field_names(message: Descriptor, seen: set[Descriptor]) -> set[str]:
    if message in seen:
        return set()
    seen.add(message)
    below = [field_names(field.message_type, seen) for field in message.fields if field.message_type]
    return {f"{message.name}.{field.name}" for field in message.fields}.union(*below)


@pytest.mark.parametrize(("lacks", "target"), [(gemini.LACKS, "mldev"), (vertex.LACKS, "vertex")])
def test_tables_hold_what_googles_sdk_refuses(lacks: Lacks, target: str) -> None:
    # The SDK's GenerateContentConfig is spread over our request and its generationConfig.
    spread = {"GenerateContentConfig": ("GenerateContentRequest", "GenerationConfig")}
    refused = refused_by_the_sdk(target)
    assert len(refused) > 10
    missing = {
        (kind, name)
        for kind, name in refused
        if not any(f"{ours}.{name}" in lacks for ours in spread.get(kind, (kind,)))
        and (kind, name) != ("McpServer", "name")
        and (kind, name) != ("McpServer", "streamable_http_transport")  # the whole server is in the table
    }
    assert missing == set()


@pytest.mark.parametrize("lacks", [gemini.LACKS, vertex.LACKS])
def test_tables_name_fields_that_there_are(lacks: Lacks) -> None:
    assert lacks - field_names(GenerateContentRequest.DESCRIPTOR, set()) == set()


REQUEST = json_format.ParseDict(
    {
        "contents": [
            {"parts": [{"text": "x", "partMetadata": {"a": 1}}, {"toolCall": {"id": "1"}}]},
            {"parts": [{"functionCall": {"name": "f", "willContinue": False}}, {"partMetadata": {}}]},
        ],
        "systemInstruction": {"parts": [{"text": "y", "partMetadata": {}}]},
        "generationConfig": {"imageConfig": {"personGeneration": "ALLOW_ALL", "aspectRatio": "1:1"}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}, {"method": "SEVERITY"}],
        "tools": [{"googleSearch": {"excludeDomains": ["x"]}}, {"fileSearch": {}}],
        "labels": {"a": "b"},
        "store": False,
    },
    GenerateContentRequest(),
)


def test_developer_api_lacks_what_only_vertex_has() -> None:
    assert find_lacks(REQUEST, gemini.LACKS) == (
        "contents.parts.function_call.will_continue",
        "safety_settings.method",
        "generation_config.image_config.person_generation",
        "tools.google_search.exclude_domains",
    )


def test_vertex_lacks_what_only_the_developer_api_has() -> None:
    """A field that is set to its default was set: `store: false` is a wish, too."""
    assert find_lacks(REQUEST, vertex.LACKS) == (
        "contents.parts.part_metadata",
        "contents.parts.tool_call",
        "tools.file_search",
        "system_instruction.parts.part_metadata",
        "store",
    )


@pytest.mark.parametrize("lacks", [gemini.LACKS, vertex.LACKS, frozenset()])
def test_plain_request_is_served_by_all(lacks: Lacks) -> None:
    request = json_format.ParseDict(
        {
            "contents": [{"parts": [{"text": "x"}, {"inlineData": {"data": "AAAA"}}], "role": "user"}],
            "generationConfig": {"imageConfig": {"aspectRatio": "1:1", "imageSize": "2K"}, "seed": 0},
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
            "serviceTier": "flex",
            "labels": {"a": "b"},
            "continuationToken": "AAAA",
        },
        GenerateContentRequest(),
    )
    assert find_lacks(request, lacks) == ()


def test_lack_within_a_map_is_found() -> None:
    request = GenerateContentRequest()
    request.generation_config.response_schema.properties["a"].properties["b"].nullable = True
    found = find_lacks(request, frozenset({"Schema.nullable"}))
    assert found == ("generation_config.response_schema.properties.properties.nullable",)
