"""Bodies that mean harm, or are no JSON at all."""

import json

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub_server.errors import MalformedBodyError
from routerhub_server.json_codec import MAX_CONTAINERS, MAX_VALUES, decode


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\x00",
        b"null x",
        b"{",
        b'{"store":true',
        b'{"store":true} x',
        b"{}{}",
        b'{"store":tru}',
        b"{'store':true}",
        b'{"store":true,}',
        b"{store:true}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b'{"a":.5}',
        b'{"a":1e400}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":"\n"}',
        b'{"a":"\\x41"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800 and a tail"}',
        b'{"a":"\\udc00 and a tail"}',
        b"\xef\xbb\xbf{}",
        '{"store":true}'.encode("utf-16"),
        b"/* comment */{}",
        b"--boundary\r\n",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_body_that_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError, match=r"^body must be valid JSON$"):
        decode(body, GenerateContentRequest, "gemini")


def nested(prefix: str, opening: str, depth: int, core: str, closing: str, suffix: str) -> bytes:
    return (prefix + opening * depth + core + closing * depth + suffix).encode()


DEEP = [
    pytest.param(b"[" * 200_000, id="unclosed lists"),
    pytest.param(b'{"a":' * 200_000, id="unclosed objects"),
    pytest.param(nested("", "[", 100_000, "", "]", ""), id="lists"),
    pytest.param(
        nested('{"generationConfig":{"responseSchema":', '{"items":', 99, "{}", "}", "}}"), id="messages"
    ),
    pytest.param(
        nested('{"generationConfig":{"responseSchema":', '{"anyOf":[', 200, "{}", "]}", "}}"),
        id="lists of messages",
    ),
    pytest.param(
        nested('{"generationConfig":{"responseSchema":', '{"properties":{"a":', 50, "{}", "}}", "}}"),
        id="maps",
    ),
    pytest.param(
        nested('{"generationConfig":{"responseJsonSchema":', '{"a":', 34, "1", "}", "}}"),
        id="free-form objects",
    ),
    pytest.param(
        nested('{"generationConfig":{"responseJsonSchema":', "[", 51, "1", "]", "}}"), id="free-form lists"
    ),
]


@pytest.mark.parametrize("body", DEEP)
def test_deep_nesting_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError, match="deeper than 100 levels"):
        decode(body, GenerateContentRequest, "gemini")


@pytest.mark.parametrize(
    "body",
    [
        nested('{"generationConfig":{"responseSchema":', '{"items":', 96, "{}", "}", "}}"),
        nested('{"generationConfig":{"responseSchema":', '{"anyOf":[', 96, "{}", "]}", "}}"),
        nested('{"generationConfig":{"responseSchema":', '{"properties":{"a":', 48, "{}", "}}", "}}"),
        nested('{"generationConfig":{"responseJsonSchema":', '{"a":', 32, "1", "}", "}}"),
        nested('{"generationConfig":{"responseJsonSchema":', "[", 48, "1", "]", "}}"),
    ],
    ids=["messages", "lists of messages", "maps", "free-form objects", "free-form lists"],
)
def test_what_is_accepted_can_be_parsed_from_the_wire(body: bytes) -> None:
    request = decode(body, GenerateContentRequest, "gemini")
    assert GenerateContentRequest.FromString(request.SerializeToString()) == request


@pytest.mark.parametrize("item", ["[]", "{}"])
def test_too_many_containers_are_malformed_before_they_cost_memory(item: str) -> None:
    body = ("[" + f"{item}," * MAX_CONTAINERS + f"{item}]").encode()
    with pytest.raises(MalformedBodyError, match="too many lists or objects"):
        decode(body, GenerateContentRequest, "gemini")


def test_too_many_values_are_malformed() -> None:
    body = json.dumps({"generationConfig": {"stopSequences": [""] * MAX_VALUES}}).encode()
    with pytest.raises(MalformedBodyError, match="too many values"):
        decode(body, GenerateContentRequest, "gemini")


def test_too_many_free_form_values_are_malformed() -> None:
    body = json.dumps({"generationConfig": {"responseJsonSchema": [1] * MAX_VALUES}}).encode()
    with pytest.raises(MalformedBodyError, match="too many values"):
        decode(body, GenerateContentRequest, "gemini")
