"""Every violation, exactly as the vendor words it."""

import json

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.errors import InvalidRequestError, Violation
from routerhub_server.json_codec import MAX_VIOLATIONS, decode
from routerhub_server.json_codec.listener import Misfit
from routerhub_server.json_codec.plans import plans_of
from routerhub_server.json_codec.wording import OpenAIErrors

GOOGLE = "type.googleapis.com/google.ai.generativelanguage.v1beta"
PAYLOAD = "Invalid JSON payload received. Unknown name"


def gemini_violations(data: object) -> tuple[Violation, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        decode(json.dumps(data).encode(), GenerateContentRequest, "gemini")
    return caught.value.violations


def openai_violations(data: object) -> tuple[Violation, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        decode(json.dumps(data).encode(), GenerateImagesRequest, "openai")
    return caught.value.violations


def content(part: object) -> dict[str, object]:
    return {"contents": [{"parts": [part]}]}


@pytest.mark.parametrize(
    ("data", "field", "text"),
    [
        ([], "", f'{PAYLOAD} "": Root element must be a message.'),
        ("x", "", f'{PAYLOAD} "": Root element must be a message.'),
        (None, "", f'{PAYLOAD} "": Root element must be a message.'),
        ({"size": "1K"}, "", f'{PAYLOAD} "size": Cannot find field.'),
        ({"size": None}, "", f'{PAYLOAD} "size": Cannot find field.'),
        (
            {"generationConfig": {"imageConfig": {"X": {"Y": 1}}}},
            "generation_config.image_config",
            f"{PAYLOAD} \"X\" at 'generation_config.image_config': Cannot find field.",
        ),
        (
            content({"inlineData": {"mime": "image/png"}}),
            "contents[0].parts[0].inline_data",
            f"{PAYLOAD} \"mime\" at 'contents[0].parts[0].inline_data': Cannot find field.",
        ),
        (
            {"generationConfig": {"responseSchema": {"properties": {"a": {}, "b": {"x": 1}}}}},
            "generation_config.response_schema.properties[1].value",
            f"{PAYLOAD} \"x\" at 'generation_config.response_schema.properties[1].value': Cannot find field.",
        ),
        (
            content({"text": 12}),
            "contents[0].parts[0].text",
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 12",
        ),
        (
            {"generationConfig": {"temperature": "hot"}},
            "generation_config.temperature",
            "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
        ),
        (
            {"generationConfig": {"topK": 40.5}},
            "generation_config.top_k",
            "Invalid value at 'generation_config.top_k' (TYPE_INT32), 40.5",
        ),
        (
            {"generationConfig": {"seed": 2147483648}},
            "generation_config.seed",
            "Invalid value at 'generation_config.seed' (TYPE_INT32), 2147483648",
        ),
        ({"store": "true"}, "store", "Invalid value at 'store' (TYPE_BOOL), \"true\""),
        ({"cachedContent": True}, "cached_content", "Invalid value at 'cached_content' (TYPE_STRING), true"),
        (
            {"generationConfig": {"responseModalities": ["TEXT", "PICTURE"]}},
            "generation_config.response_modalities[1]",
            (
                "Invalid value at 'generation_config.response_modalities[1]' "
                f'({GOOGLE}.GenerationConfig.Modality), "PICTURE"'
            ),
        ),
        (
            {"generationConfig": {"responseSchema": {"type": "null "}}},
            "generation_config.response_schema.type",
            f"Invalid value at 'generation_config.response_schema.type' ({GOOGLE}.Schema.Type), \"null \"",
        ),
        (
            content({"inlineData": {"data": "!!!!"}}),
            "contents[0].parts[0].inline_data.data",
            (
                "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), "
                'Base64 decoding failed for "!!!!"'
            ),
        ),
        (
            {"systemInstruction": "be brief"},
            "system_instruction",
            f"Invalid value at 'system_instruction' ({GOOGLE}.Content), \"be brief\"",
        ),
        ({"contents": "a cat"}, "contents", f"Invalid value at 'contents' ({GOOGLE}.Content), \"a cat\""),
        (
            {"contents": [{"parts": ["a cat"]}]},
            "contents[0].parts[0]",
            f"Invalid value at 'contents[0].parts[0]' ({GOOGLE}.Part), \"a cat\"",
        ),
        ({"contents": [None]}, "contents[0]", f"Invalid value at 'contents[0]' ({GOOGLE}.Content), null"),
        (
            {"labels": {"a": None}},
            "labels[0].value",
            "Invalid value at 'labels[0].value' (TYPE_STRING), null",
        ),
        (
            {"generationConfig": []},
            "",
            f'{PAYLOAD} "generation_config": Proto field is not repeating, cannot start list.',
        ),
        (
            {"generationConfig": {"responseSchema": {"type": ["STRING", "NULL"]}}},
            "generation_config.response_schema",
            (
                f"{PAYLOAD} \"type\" at 'generation_config.response_schema': "
                "Proto field is not repeating, cannot start list."
            ),
        ),
        (
            {"contents": [[]]},
            "contents[0]",
            f"{PAYLOAD} \"\" at 'contents[0]': Proto field is not repeating, cannot start list.",
        ),
        (
            content({"text": {"a": 1}}),
            "contents[0].parts[0]",
            "Invalid value at 'contents[0].parts[0]' (text), Starting an object on a scalar field",
        ),
        ({"cachedContent": {}}, "", "Invalid value (cached_content), Starting an object on a scalar field"),
        ({"labels": ["a"]}, "", "Invalid value (Map), Cannot bind a list to map for field 'labels'."),
        ({"labels": "a"}, "", "Invalid value (Map), Cannot bind a primitive to map for field 'labels'."),
        (
            content({"text": "x", "inlineData": {}}),
            "contents[0].parts[0]",
            (
                "Invalid value at 'contents[0].parts[0]' (oneof), "
                "oneof field 'data' is already set. Cannot set 'inlineData'"
            ),
        ),
        (
            {"generationConfig": {"topK": 1, "top_k": 2}},
            "generation_config",
            f"{PAYLOAD} \"top_k\" at 'generation_config': Proto field is already set under its other name.",
        ),
        (
            content({"functionCall": {"args": "x"}}),
            "contents[0].parts[0].function_call.args",
            (
                "Invalid value at 'contents[0].parts[0].function_call.args' "
                '(type.googleapis.com/google.protobuf.Struct), "x"'
            ),
        ),
        (
            content({"functionCall": {"args": {"a": [10**400]}}}),
            "contents[0].parts[0].function_call.args",
            (
                "Invalid value at 'contents[0].parts[0].function_call.args' "
                "(type.googleapis.com/google.protobuf.Struct), a number in it is out of range."
            ),
        ),
        (
            content({"videoMetadata": {"startOffset": "soon"}}),
            "contents[0].parts[0].video_metadata.start_offset",
            (
                "Invalid value at 'contents[0].parts[0].video_metadata.start_offset' "
                '(type.googleapis.com/google.protobuf.Duration), "soon"'
            ),
        ),
    ],
)
def test_gemini_violation_is_in_googles_words(data: object, field: str, text: str) -> None:
    (violation,) = gemini_violations(data)
    assert (violation.field, violation.description) == (field, text)
    assert violation.reason == ("UNKNOWN_FIELD" if text.endswith("Cannot find field.") else "INVALID_VALUE")


@pytest.mark.parametrize(
    ("data", "field", "code", "text"),
    [
        (
            [],
            "",
            "invalid_type",
            "Invalid type for request body: expected an object, but got an array instead.",
        ),
        (
            "x",
            "",
            "invalid_type",
            "Invalid type for request body: expected an object, but got a string instead.",
        ),
        ({"aspect_ratio": "1:1"}, "aspect_ratio", "unknown_parameter", "Unknown parameter: 'aspect_ratio'."),
        ({"outputFormat": "png"}, "outputFormat", "unknown_parameter", "Unknown parameter: 'outputFormat'."),
        (
            {"svg": {"reasoning": {"z": 1}}},
            "svg.reasoning.z",
            "unknown_parameter",
            "Unknown parameter: 'svg.reasoning.z'.",
        ),
        (
            {"n": "2"},
            "n",
            "invalid_type",
            "Invalid type for 'n': expected an integer, but got a string instead.",
        ),
        (
            {"n": 1.5},
            "n",
            "invalid_type",
            "Invalid type for 'n': expected an integer, but got a decimal number instead.",
        ),
        (
            {"n": True},
            "n",
            "invalid_type",
            "Invalid type for 'n': expected an integer, but got a boolean instead.",
        ),
        (
            {"n": []},
            "n",
            "invalid_type",
            "Invalid type for 'n': expected an integer, but got an array instead.",
        ),
        (
            {"n": {}},
            "n",
            "invalid_type",
            "Invalid type for 'n': expected an integer, but got an object instead.",
        ),
        (
            {"n": 3_000_000_000},
            "n",
            "integer_above_max_value",
            (
                "Invalid 'n': integer above maximum value. "
                "Expected a value <= 2147483647, but got 3000000000 instead."
            ),
        ),
        (
            {"n": -3_000_000_000},
            "n",
            "integer_below_min_value",
            (
                "Invalid 'n': integer below minimum value. "
                "Expected a value >= -2147483648, but got -3000000000 instead."
            ),
        ),
        (
            {"size": 1},
            "size",
            "invalid_type",
            "Invalid type for 'size': expected a string, but got an integer instead.",
        ),
        (
            {"stream": 1},
            "stream",
            "invalid_type",
            "Invalid type for 'stream': expected a boolean, but got an integer instead.",
        ),
        (
            {"svg": "x"},
            "svg",
            "invalid_type",
            "Invalid type for 'svg': expected an object, but got a string instead.",
        ),
        (
            {"svg": {"reasoning": {"effort": 5}}},
            "svg.reasoning.effort",
            "invalid_type",
            "Invalid type for 'svg.reasoning.effort': expected a string, but got an integer instead.",
        ),
    ],
)
def test_openai_violation_is_in_openais_words(data: object, field: str, code: str, text: str) -> None:
    (violation,) = openai_violations(data)
    assert (violation.field, violation.code, violation.description) == (field, code, text)
    assert violation.reason == ("UNKNOWN_FIELD" if code == "unknown_parameter" else "INVALID_VALUE")


@pytest.mark.parametrize(
    ("data", "field", "text"),
    [
        ({"data": {}}, "data", "Invalid type for 'data': expected an array, but got an object instead."),
        (
            {"data": [None]},
            "data[0]",
            "Invalid type for 'data[0]': expected an object, but got null instead.",
        ),
        (
            {"data": [{}, {"b64_json": "!"}]},
            "data[1].b64_json",
            "Invalid 'data[1].b64_json': expected base64-encoded data.",
        ),
    ],
)
def test_openai_list_violation_names_the_index(data: object, field: str, text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decode(json.dumps(data).encode(), GenerateImagesResponse, "openai")
    assert [(v.field, v.description) for v in caught.value.violations] == [(field, text)]


def test_openai_enum_violation_lists_the_supported_values() -> None:
    errors = OpenAIErrors()
    plan = plans_of(GenerateContentRequest().safety_settings.add().DESCRIPTOR)["threshold"]
    errors.misfit(["threshold"], plan, "NEVER", Misfit.ENUM_NAME)
    assert errors.violations[0].description.startswith(
        "Invalid value: 'NEVER'. Supported values are: 'HARM_BLOCK_"
    )
    assert " and 'OFF'." in errors.violations[0].description


def test_every_violation_is_listed_in_the_order_found() -> None:
    violations = gemini_violations(
        {"x": 1, "contents": [{"parts": [{"text": 1}, {"text": 2, "y": 0}]}], "store": 3, "tools": [{"z": 1}]}
    )
    assert [violation.field for violation in violations] == [
        "",
        "contents[0].parts[0].text",
        "contents[0].parts[1].text",
        "contents[0].parts[1]",
        "store",
        "tools[0]",
    ]


def test_violations_beyond_the_limit_are_summed_up() -> None:
    violations = gemini_violations({f"x{i}": i for i in range(1000)})
    assert len(violations) == MAX_VIOLATIONS
    assert violations[-2].description == f'{PAYLOAD} "x48": Cannot find field.'
    assert violations[-1].description == "Only the first 49 problems are listed."


def test_long_values_and_names_are_cut() -> None:
    data = {"n" * 1000: 1, "store": "v" * 100_000, "continuationToken": "!" * 100_000}
    name, value, token = gemini_violations(data)
    assert name.description == f'{PAYLOAD} "{"n" * 97}...": Cannot find field.'
    assert value.description == f"Invalid value at 'store' (TYPE_BOOL), \"{'v' * 61}...\""
    assert token.description.endswith(f'Base64 decoding failed for "{"!" * 61}..."')
    (parameter,) = openai_violations({"p" * 1000: 1})
    assert parameter.field == "p" * 97 + "..."
    (number,) = openai_violations({"n": 10**4000})
    assert len(number.description) < 200
