"""What both shapes have in common."""

import pytest

from routerhub.images.v1.gemini_pb2 import Content, GenerateContentRequest, Part
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.catalogue import Catalogue, Model
from routerhub_server.errors import InvalidRequestError, Violation
from routerhub_server.validation import MAX_VIOLATIONS, check_request, model_name

CATALOGUE = Catalogue.load()
GEMINI = CATALOGUE.resolve("gemini", "gemini-3-pro-image")
OPENAI = CATALOGUE.resolve("openai", "gpt-image-2")


def test_every_breach_is_reported_in_googles_form() -> None:
    request = GenerateContentRequest(contents=[Content(role="system"), Content(parts=[Part()])])
    request.generation_config.temperature = 9
    with pytest.raises(InvalidRequestError) as caught:
        check_request(request, GEMINI)
    assert caught.value.message == (
        "Please use a valid role: user, model.\n"
        "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n"
        "* GenerateContentRequest.contents[1].parts[0].data: required oneof field 'data' must have one "
        "initialized field\n"
        "* GenerateContentRequest.generation_config.temperature: temperature must be in the range "
        "[0.0, 2.0].\n"
    )
    assert [violation.field for violation in caught.value.violations] == [
        "contents[0].role",
        "contents[0].parts",
        "contents[1].parts[0].data",
        "generation_config.temperature",
    ]


def test_every_breach_is_reported_in_openais_form() -> None:
    request = GenerateImagesRequest(model="gpt-image-2", n=0, quality="hd", style="vivid")
    with pytest.raises(InvalidRequestError) as caught:
        check_request(request, OPENAI)
    assert [(v.field, v.code) for v in caught.value.violations] == [
        ("prompt", "missing_required_parameter"),
        ("style", "unknown_parameter"),
        ("n", "integer_below_min_value"),
        ("quality", "invalid_value"),
    ]


def test_hostile_request_gets_an_answer_that_can_be_read() -> None:
    request = GenerateContentRequest(contents=[Content()] * 5000)
    with pytest.raises(InvalidRequestError) as caught:
        check_request(request, GEMINI)
    assert len(caught.value.violations) == MAX_VIOLATIONS


@pytest.mark.parametrize(
    ("request_", "model"),
    [(GenerateContentRequest(model="m"), OPENAI), (GenerateImagesRequest(model="m"), GEMINI)],
)
def test_model_of_the_other_interface_is_a_mistake_of_ours(
    request_: GenerateContentRequest | GenerateImagesRequest, model: Model
) -> None:
    with pytest.raises(TypeError):
        check_request(request_, model)


def test_model_name_is_what_the_caller_wrote() -> None:
    assert model_name(GenerateContentRequest(model="models/google/x")) == "models/google/x"
    assert model_name(GenerateImagesRequest(model="openai/x", prompt="a")) == "openai/x"


def test_gemini_request_without_a_model_is_refused() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        model_name(GenerateContentRequest())
    assert caught.value.message == "* GenerateContentRequest.model: unexpected model name format\n"


def test_openai_request_without_a_model_is_refused_with_all_that_is_missing() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        model_name(GenerateImagesRequest(n=3))
    assert caught.value.violations == tuple(
        Violation(
            name,
            f"Missing required parameter: '{name}'.",
            "MISSING_FIELD",
            "missing_required_parameter",
        )
        for name in ("model", "prompt")
    )


def test_openai_request_with_a_model_may_lack_the_prompt_until_the_model_is_known() -> None:
    assert model_name(GenerateImagesRequest(model="gpt-image-2")) == "gpt-image-2"
