"""Checks and defaults of `generateContent`, in Google's words."""

import re
from collections.abc import Iterator, Mapping, Sequence

from routerhub.images.v1.gemini_pb2 import (
    HARM_CATEGORY_UNSPECIFIED,
    GenerateContentRequest,
    GenerationConfig,
    HarmCategory,
    SafetySetting,
)
from routerhub_server.catalogue import GeminiModel
from routerhub_server.catalogue.spellings import SIZE_SPELLINGS
from routerhub_server.errors import Violation
from routerhub_server.validation.gemini import config, contents
from routerhub_server.validation.gemini.words import missing, rule, unknown_name

_CACHED_CONTENT = re.compile(r"(projects/[^/]+/locations/[^/]+/)?cachedContents/[^/]+")
_SERVICE_TIERS = ("", "unspecified", "standard", "flex", "priority")

# Google names the first five in its text; the API takes the others too.
_CATEGORIES_NAMED = (
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
)
# The categories of the PaLM models, which no model of today takes.
_CATEGORIES_REFUSED = range(HARM_CATEGORY_UNSPECIFIED, HarmCategory.HARM_CATEGORY_HARASSMENT)


def unnamed_model(request: GenerateContentRequest) -> Iterator[Violation]:
    """The breach of a request without a model."""
    if not request.model:
        yield missing("model", "unexpected model name format")


def violations(request: GenerateContentRequest, model: GeminiModel) -> Iterator[Violation]:
    """Every breach of the request, in the order of its fields."""
    yield from contents.violations(request, model.limits)
    yield from config.violations(request.generation_config, model)
    yield from _safety(request.safety_settings)
    if request.cached_content and not _CACHED_CONTENT.fullmatch(request.cached_content):
        yield rule("cached_content", "unexpected cached_content name format")
    if request.service_tier.lower() not in _SERVICE_TIERS:
        yield unknown_name("service_tier", "ServiceTier", request.service_tier)
    yield from _labels(request.labels)


def fill_defaults(request: GenerateContentRequest, model: GeminiModel) -> None:
    """Image models: text and image where no modality is asked for, and one spelling for every size."""
    if model.model_class != "gemini-image":
        return
    if not request.generation_config.response_modalities:
        request.generation_config.response_modalities.extend([GenerationConfig.TEXT, GenerationConfig.IMAGE])
    size = request.generation_config.image_config.image_size
    if size in SIZE_SPELLINGS:
        request.generation_config.image_config.image_size = SIZE_SPELLINGS[size]


def _safety(settings: Sequence[SafetySetting]) -> Iterator[Violation]:
    """A missing threshold is no breach: Google reads it as the model's own."""
    categories = [setting.category for setting in settings]
    for i, category in enumerate(categories):
        if category in _CATEGORIES_REFUSED or category not in HarmCategory.values():
            names = ", ".join(f"HarmCategory.{name}" for name in _CATEGORIES_NAMED)
            yield rule(f"safety_settings[{i}]", f"element predicate failed: $.category in ({names})")
    if len(set(categories)) < len(categories):
        yield Violation("safety_settings", "Multiple safety settings with the same category.")


def _labels(labels: Mapping[str, str]) -> Iterator[Violation]:
    """Google Cloud's rules for labels, letters of any script included."""
    if len(labels) > 64:
        yield rule("labels", "the number of labels must not exceed 64.")
    if not all(key[:1].isalpha() and _is_label(key) and _is_label(value) for key, value in labels.items()):
        text = (
            "keys must start with a lower-case letter; keys and values must have at most 63 characters, each "
            "a lower-case letter, a digit, an underscore or a dash."
        )
        yield rule("labels", text)


def _is_label(text: str) -> bool:
    return len(text) <= 63 and text == text.lower() and all(c.isalnum() or c in "_-" for c in text)
