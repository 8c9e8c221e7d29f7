"""Gemini's shape: a conversation -> the reply with drawings in it."""

from hashlib import sha256

from google.protobuf.json_format import MessageToDict

from routerhub.images.v1 import gemini_pb2
from routerhub.images.v1.gemini_pb2 import (
    Candidate,
    GenerateContentRequest,
    GenerateContentResponse,
    ModalityTokenCount,
    SafetyRating,
)
from routerhub_server.upstreams.base import Facts, ImageHead, Reply
from routerhub_server.upstreams.base64_cuts import HEAD_BYTES
from routerhub_server.upstreams.sandbox.conversation import (
    Output,
    count_characters,
    count_inputs,
    pixels,
    prompt_of,
    read_inputs,
    read_output,
)
from routerhub_server.upstreams.sandbox.drawing import Subject, draw
from routerhub_server.upstreams.sandbox.encoding import Encoding, encode_image
from routerhub_server.upstreams.sandbox.printing import print_json
from routerhub_server.upstreams.sandbox.script import Script, without_markers
from routerhub_server.upstreams.sandbox.sizes import Family, family_of, tokens_of_text

_REMARK = "This image was drawn by the sandbox; no model was asked."
_ANSWER = "This is the sandbox answering; no model was asked."
_THOUGHT = "The sandbox derives the picture from the prompt."

_CATEGORIES = (
    gemini_pb2.HARM_CATEGORY_HATE_SPEECH,
    gemini_pb2.HARM_CATEGORY_DANGEROUS_CONTENT,
    gemini_pb2.HARM_CATEGORY_HARASSMENT,
    gemini_pb2.HARM_CATEGORY_SEXUALLY_EXPLICIT,
)


def render_content(request: GenerateContentRequest, model: str, script: Script, response_id: str) -> Reply:
    """Draws (or, asked for text alone, writes) what the latest turn asks for.

    Raises UpstreamRejectedError if an input image cannot be read.
    """
    family = family_of(model)
    reply = GenerateContentResponse(model_version=f"sandbox/{model}", response_id=response_id)
    if script.block:
        reply.prompt_feedback.block_reason = script.block
    else:
        _answer(reply, request, read_output(request, model, script), family, script)
    _count_prompt(reply, request, family)
    return Reply(_facts(reply), message=reply, encode=print_json)


def _answer(
    reply: GenerateContentResponse,
    request: GenerateContentRequest,
    output: Output,
    family: Family,
    script: Script,
) -> None:
    config = request.generation_config
    paint = output.image and not script.no_image
    subject = _subject(request, output, family) if output.image else None
    for index in range(config.candidate_count or 1):
        candidate = reply.candidates.add()
        candidate.index = index
        candidate.finish_reason = script.finish or "STOP"
        candidate.content.role = "model"
        _rate(candidate, withheld="SAFETY" in script.finish)
        if script.finish:
            candidate.finish_message = f"The sandbox was asked to finish with {script.finish}."
            continue
        if config.thinking_config.include_thoughts and family.signs_thoughts:
            candidate.content.parts.add(text=_THOUGHT, thought=True)
        if output.text or not paint:
            candidate.content.parts.add(text=_REMARK if paint else _ANSWER)
        if subject and paint:
            _add_image(candidate, subject.nth(index), output.encoding)
            if family.signs_thoughts:
                candidate.content.parts[-1].thought_signature = _signature(reply.response_id, index)
    _count_candidates(reply, family.tokens(output.image_size))


def _subject(request: GenerateContentRequest, output: Output, family: Family) -> Subject:
    config = request.generation_config
    inputs = read_inputs(request)
    return Subject(
        without_markers(prompt_of(request)),
        pixels(output, family, inputs),
        seed=config.seed if config.HasField("seed") else None,
        inputs=inputs,
    )


def _add_image(candidate: Candidate, subject: Subject, encoding: Encoding) -> None:
    # In place: handing over a filled Part would copy the image at every level.
    blob = candidate.content.parts.add().inline_data
    blob.mime_type = encoding.mime_type
    blob.data = encode_image(draw(subject), encoding)


def _signature(response_id: str, index: int) -> bytes:
    return sha256(f"{response_id}/{index}".encode()).digest()


def _rate(candidate: Candidate, *, withheld: bool) -> None:
    for category in _CATEGORIES:
        rating = candidate.safety_ratings.add()
        rating.category = category
        rating.probability = SafetyRating.NEGLIGIBLE
    if withheld:
        candidate.safety_ratings[-1].probability = SafetyRating.HIGH
        candidate.safety_ratings[-1].blocked = True


def _count_prompt(reply: GenerateContentResponse, request: GenerateContentRequest, family: Family) -> None:
    usage = reply.usage_metadata
    text, images = tokens_of_text(count_characters(request)), count_inputs(request) * family.input_tokens
    usage.prompt_token_count = text + images
    usage.prompt_tokens_details.add(modality=ModalityTokenCount.TEXT, token_count=text)
    if images:
        usage.prompt_tokens_details.add(modality=ModalityTokenCount.IMAGE, token_count=images)
    usage.total_token_count = (
        usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    )


def _count_candidates(reply: GenerateContentResponse, tokens_per_image: int) -> None:
    usage = reply.usage_metadata
    parts = [part for candidate in reply.candidates for part in candidate.content.parts]
    texts = sum(tokens_of_text(len(part.text)) for part in parts if part.text and not part.thought)
    images = tokens_per_image * sum(part.HasField("inline_data") for part in parts)
    thoughts = sum(tokens_of_text(len(part.text)) for part in parts if part.thought)
    if thoughts:
        usage.thoughts_token_count = thoughts
    if parts:
        usage.candidates_token_count = texts + images
    if texts:
        usage.candidates_tokens_details.add(modality=ModalityTokenCount.TEXT, token_count=texts)
    if images:
        usage.candidates_tokens_details.add(modality=ModalityTokenCount.IMAGE, token_count=images)


def _facts(reply: GenerateContentResponse) -> Facts:
    parts = [part for candidate in reply.candidates for part in candidate.content.parts if not part.thought]
    blobs = [part.inline_data for part in parts if part.HasField("inline_data")]
    return Facts(
        images=len(blobs),
        usage=MessageToDict(reply.usage_metadata),
        finish_reasons=tuple(candidate.finish_reason for candidate in reply.candidates),
        block_reason=reply.prompt_feedback.block_reason,
        model_version=reply.model_version,
        texts=any(part.text for part in parts),
        heads=tuple(ImageHead(blob.mime_type, blob.data[:HEAD_BYTES]) for blob in blobs),
    )
