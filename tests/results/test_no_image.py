"""One classification for everything that a provider can answer instead of an image."""

from typing import get_args

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerationConfig
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.errors import ContentBlockedError, ContentError, NoImageError, ProviderError
from routerhub_server.results import NoImage, as_error, classify, kind_of
from routerhub_server.settings import NoImageClass
from routerhub_server.upstreams.base import Facts

GEMINI = GenerateContentRequest(
    generation_config=GenerationConfig(response_modalities=[GenerationConfig.TEXT, GenerationConfig.IMAGE])
)
OPENAI = GenerateImagesRequest(prompt="a lighthouse")
CASES: list[tuple[Facts, NoImage]] = [
    *((Facts(0, block_reason=reason), "prompt_blocked") for reason in ("SAFETY", "OTHER", "TOMORROW")),
    *(
        (Facts(0, finish_reasons=(reason,)), "output_blocked")
        for reason in (
            "SAFETY",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "MODEL_ARMOR",
        )
    ),
    *((Facts(0, finish_reasons=(reason,)), "recitation") for reason in ("RECITATION", "IMAGE_RECITATION")),
    (Facts(0, finish_reasons=("MAX_TOKENS",)), "truncated"),
    (Facts(0, finish_reasons=("MAX_TOKENS",), texts=True), "truncated"),
    *(
        (Facts(0, finish_reasons=(reason,)), "malformed")
        for reason in ("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL")
    ),
    (Facts(0, finish_reasons=("STOP",), texts=True), "words_only"),
    (Facts(0, finish_reasons=("NO_IMAGE",), texts=True), "words_only"),
    (Facts(0, finish_reasons=("NO_IMAGE",)), "empty"),
    (Facts(0, finish_reasons=("REASON_OF_TOMORROW",)), "empty"),
    (Facts(0, finish_reasons=("STOP",)), "empty"),
    (Facts(0), "empty"),
    # Of several candidates, the one that says something counts; the prompt comes before all of them.
    (Facts(0, finish_reasons=("STOP", "IMAGE_SAFETY")), "output_blocked"),
    (Facts(0, finish_reasons=("IMAGE_SAFETY",), block_reason="SAFETY"), "prompt_blocked"),
]


@pytest.mark.parametrize(("facts", "kind"), CASES)
def test_gemini_replies_are_classified(facts: Facts, kind: NoImage) -> None:
    assert classify(GEMINI, facts) == kind


def test_openai_reply_without_images_is_empty() -> None:
    assert classify(OPENAI, Facts(0)) == "empty"


@pytest.mark.parametrize("reason", ["STOP", "MAX_TOKENS", "IMAGE_SAFETY"])
def test_reply_with_an_image_is_not_classified(reason: str) -> None:
    assert classify(GEMINI, Facts(1, finish_reasons=(reason,), texts=True)) is None
    assert classify(OPENAI, Facts(1)) is None


def test_nothing_is_missing_where_no_image_was_asked_for() -> None:
    request = GenerateContentRequest()
    request.generation_config.response_modalities.append(GenerationConfig.TEXT)
    assert classify(request, Facts(0, texts=True)) is None


@pytest.mark.parametrize("kind", get_args(NoImage))
def test_every_kind_becomes_an_error_that_says_so(kind: NoImage) -> None:
    error = as_error(kind, Facts(0, finish_reasons=("IMAGE_SAFETY", "STOP"), block_reason="OTHER"))
    blocked = kind in ("prompt_blocked", "output_blocked")
    assert isinstance(error, ContentBlockedError if blocked else NoImageError)
    assert error.metadata == {"no_image": kind, "finish_reason": "IMAGE_SAFETY", "block_reason": "OTHER"}
    assert error.message.endswith(".")
    assert kind_of(error) == kind


def test_error_says_nothing_that_the_provider_did_not() -> None:
    assert as_error("empty", Facts(0)).metadata == {"no_image": "empty"}


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ({"moderation_details": {"moderation_stage": "input"}}, "prompt_blocked"),
        ({"moderation_details": {"moderation_stage": "output"}}, "output_blocked"),
        ({"moderation_details": "new shape"}, "prompt_blocked"),
        ({}, "prompt_blocked"),
    ],
)
def test_openais_refusals_are_classified_by_their_stage(extra: dict[str, object], kind: NoImage) -> None:
    provider = ProviderError(400, "blocked", code="moderation_blocked", extra=extra)
    assert kind_of(ContentBlockedError("blocked", provider=provider)) == kind


def test_another_gateways_classification_is_believed_if_it_is_one() -> None:
    assert kind_of(ContentError("none", metadata={"no_image": "recitation"})) == "recitation"
    assert kind_of(ContentError("none", metadata={"no_image": "kind of tomorrow"})) == "prompt_blocked"


def test_configuration_knows_the_same_kinds() -> None:
    assert set(get_args(NoImageClass)) == set(get_args(NoImage))
