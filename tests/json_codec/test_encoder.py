"""What JSON a typed message becomes."""

import json
import math
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Value

from routerhub.images.v1.gemini_pb2 import (
    GenerateContentRequest,
    GenerationConfig,
    PartialArg,
    Schema,
    VideoMetadata,
)
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.errors import InvalidRequestError
from routerhub_server.json_codec import encode


def encoded(message: Any) -> Any:
    return json.loads(encode(message))


def test_names_are_the_json_names() -> None:
    config = GenerationConfig(response_mime_type="text/plain", top_k=64)
    assert encode(config) in (
        b'{"topK":64,"responseMimeType":"text/plain"}',
        b'{"responseMimeType":"text/plain","topK":64}',
    )
    assert encoded(GenerateImagesRequest(output_format="png")) == {"output_format": "png"}


def test_only_set_fields_are_written_zero_included() -> None:
    assert encode(GenerateContentRequest()) == b"{}"
    request = GenerateContentRequest(
        store=False, cached_content="", generation_config=GenerationConfig(seed=0)
    )
    assert encoded(request) == {"store": False, "cachedContent": "", "generationConfig": {"seed": 0}}


def test_bytes_are_standard_padded_base64() -> None:
    assert encode(GenerateContentRequest(continuation_token=b"\xfb\xff")) == b'{"continuationToken":"+/8="}'
    assert encode(GenerateContentRequest(continuation_token=b"")) == b'{"continuationToken":""}'


def test_enums_are_names_and_unknown_ones_numbers() -> None:
    config = GenerationConfig(response_modalities=[GenerationConfig.TEXT, GenerationConfig.IMAGE])
    assert encoded(config) == {"responseModalities": ["TEXT", "IMAGE"]}
    newer = GenerationConfig.FromString(bytes([0xA2, 0x01, 0x01, 99]))
    assert encoded(newer) == {"responseModalities": [99]}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.7, b"0.7"),
        (40.0, b"40"),
        (-1.0, b"-1"),
        (1e300, b"1e300"),
        (2.0**53, b"9007199254740992"),
        (math.nan, b'"NaN"'),
        (math.inf, b'"Infinity"'),
        (-math.inf, b'"-Infinity"'),
    ],
)
def test_numbers_are_written_shortest(number: float, text: bytes) -> None:
    body = encode(GenerationConfig(temperature=number))
    assert body.startswith(b'{"temperature":' + text[:4])
    assert float(json.loads(body)["temperature"]) == pytest.approx(number, nan_ok=True)
    assert encode(Value(number_value=number)).startswith(text[:4])


def test_free_form_values_are_plain_json() -> None:
    schema = Schema()
    schema.default.null_value = 0  # type: ignore[assignment]
    schema.example.struct_value.update({"a": [1, 2.5, None, True, {"b": {}}], "c": "x"})
    assert encoded(schema) == {"default": None, "example": {"a": [1, 2.5, None, True, {"b": {}}], "c": "x"}}
    assert encode(Value()) == b"null"
    assert encode(PartialArg(null_value=0)) == b'{"nullValue":null}'  # type: ignore[arg-type]


def test_maps_are_objects() -> None:
    schema = Schema()
    schema.properties["a"].type = Schema.STRING
    assert encoded(schema) == {"properties": {"a": {"type": "STRING"}}}
    assert encoded(GenerateContentRequest(labels={"team": "art"})) == {"labels": {"team": "art"}}


def test_durations_are_text() -> None:
    metadata = VideoMetadata()
    metadata.start_offset.FromMilliseconds(1500)
    assert encoded(metadata) == {"startOffset": "1.500s"}


def test_duration_out_of_range_is_an_invalid_request() -> None:
    metadata = VideoMetadata()
    metadata.start_offset.seconds = 10**15
    with pytest.raises(InvalidRequestError, match="Duration"):
        encode(metadata)


def test_text_is_escaped_and_utf8() -> None:
    request = GenerateImagesRequest(prompt='a "cat" 🐈\n\u0000')
    assert encode(request) == '{"prompt":"a \\"cat\\" 🐈\\n\\u0000"}'.encode()


def test_image_reply_is_openais_json() -> None:
    reply = GenerateImagesResponse(created=1_760_000_000)
    reply.data.add().b64_json = b"\x89PNG"
    reply.usage.total_tokens = 0
    assert (
        encode(reply) == b'{"created":1760000000,"data":[{"b64_json":"iVBORw=="}],"usage":{"total_tokens":0}}'
    )
