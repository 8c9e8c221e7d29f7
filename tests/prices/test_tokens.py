"""Both vendors' usage objects."""

from typing import Any

import pytest

from routerhub_server.prices import Tokens, read_tokens
from tests.prices.orders import GEMINI_USAGE, OPENAI_USAGE, facts


def test_openai_usage_is_read_by_kind() -> None:
    assert read_tokens(facts(OPENAI_USAGE), "openai") == Tokens(
        text_in=20, image_in=30, text_out=60, image_out=4100
    )


def test_openai_cached_tokens_are_taken_out_of_their_kind() -> None:
    details = {
        "text_tokens": 20,
        "image_tokens": 30,
        "cached_tokens": 25,
        "cached_tokens_details": {"text_tokens": 10, "image_tokens": 15},
    }
    assert read_tokens(facts({**OPENAI_USAGE, "input_tokens_details": details}), "openai") == Tokens(
        text_in=10, cached_text_in=10, image_in=15, cached_image_in=15, text_out=60, image_out=4100
    )


def test_openai_usage_without_details_is_text_in_and_image_out() -> None:
    usage = {"input_tokens": 50, "output_tokens": 4160}
    assert read_tokens(facts(usage), "openai") == Tokens(text_in=50, image_out=4160)


def test_gemini_usage_is_read_by_kind() -> None:
    assert read_tokens(facts(GEMINI_USAGE), "gemini") == Tokens(
        text_in=30,
        cached_text_in=20,
        image_in=480,
        cached_image_in=80,
        text_out=30,
        image_out=1120,
        thinking=200,
    )


def test_gemini_usage_counts_every_token_once() -> None:
    tokens = read_tokens(facts(GEMINI_USAGE), "gemini")
    assert tokens is not None
    assert sum(tokens.counts().values()) == GEMINI_USAGE["totalTokenCount"]


def test_gemini_answer_without_details_is_image_when_one_came() -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1290}
    assert read_tokens(facts(usage), "gemini") == Tokens(text_in=5, image_out=1290)
    assert read_tokens(facts(usage, images=0), "gemini") == Tokens(text_in=5, text_out=1290)


@pytest.mark.parametrize("interface", ["openai", "gemini"])
@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": "12", "promptTokenCount": None},
        {"input_tokens": -5, "promptTokenCount": True, "promptTokensDetails": "?"},
        {"input_tokens_details": [], "promptTokensDetails": [7, {"modality": "IMAGE", "tokenCount": {}}]},
    ],
)
def test_usage_that_says_nothing_is_none(interface: Any, usage: dict[str, Any]) -> None:
    assert read_tokens(facts(usage), interface) is None
