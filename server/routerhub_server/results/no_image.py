"""Why there is no image: one classification for every provider, shape and door."""

from typing import Literal

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerationConfig
from routerhub_server.errors import ContentBlockedError, ContentError, NoImageError
from routerhub_server.upstreams.base import Facts, Request

NoImage = Literal[
    "prompt_blocked", "output_blocked", "words_only", "recitation", "truncated", "empty", "malformed"
]

# Gemini's finish reasons; what is not named here says nothing about why there is no image.
FINISHED: dict[str, NoImage] = {
    "SAFETY": "output_blocked",
    "BLOCKLIST": "output_blocked",
    "PROHIBITED_CONTENT": "output_blocked",
    "SPII": "output_blocked",
    "IMAGE_SAFETY": "output_blocked",
    "IMAGE_PROHIBITED_CONTENT": "output_blocked",
    "MODEL_ARMOR": "output_blocked",
    "RECITATION": "recitation",
    "IMAGE_RECITATION": "recitation",
    "MAX_TOKENS": "truncated",
    "MALFORMED_FUNCTION_CALL": "malformed",
    "MALFORMED_RESPONSE": "malformed",
    "UNEXPECTED_TOOL_CALL": "malformed",
}

WORDS: dict[NoImage, str] = {
    "prompt_blocked": "The prompt was blocked by the provider's safety system.",
    "output_blocked": "The image was blocked by the provider's safety system.",
    "words_only": "The model answered in words, without an image.",
    "recitation": "The image was withheld because it is too close to existing content.",
    "truncated": "The answer ended at the token limit, before an image was complete.",
    "empty": "The model answered without an image and did not say why.",
    "malformed": "The model's answer was malformed and holds no image.",
}


def wants_image(request: Request) -> bool:
    """Whether the request, defaults applied, asks for an image at all."""
    if not isinstance(request, GenerateContentRequest):
        return True
    return GenerationConfig.IMAGE in request.generation_config.response_modalities


def classify(request: Request, facts: Facts) -> NoImage | None:
    """Why the reply holds no image; None where it does, or where none was asked for."""
    if facts.images or not wants_image(request):
        return None
    if facts.block_reason:
        return "prompt_blocked"
    told = next((FINISHED[reason] for reason in facts.finish_reasons if reason in FINISHED), None)
    return told or ("words_only" if facts.texts else "empty")


def as_error(kind: NoImage, facts: Facts) -> ContentError:
    """The classification for callers whose contract has no empty success.

    Its metadata says `no_image` (the kind), and `finish_reason` or `block_reason` where the provider did.
    """
    metadata: dict[str, str] = {"no_image": kind}
    if facts.finish_reasons:
        metadata["finish_reason"] = facts.finish_reasons[0]
    if facts.block_reason:
        metadata["block_reason"] = facts.block_reason
    blocked = kind in ("prompt_blocked", "output_blocked")
    return (ContentBlockedError if blocked else NoImageError)(WORDS[kind], metadata=metadata)


def kind_of(error: ContentError) -> NoImage:
    """The classification of a refusal that the provider worded as an error."""
    stated = error.metadata.get("no_image")
    if stated in WORDS:
        return stated
    details = error.provider.extra.get("moderation_details") if error.provider else None
    stage = details.get("moderation_stage") if isinstance(details, dict) else None
    return "output_blocked" if stage == "output" else "prompt_blocked"
