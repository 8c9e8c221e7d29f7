import json
from itertools import product

import pytest
from PIL import ImageChops

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerationConfig
from routerhub_server.errors import UpstreamRejectedError
from routerhub_server.upstreams.base import Reply
from routerhub_server.upstreams.sandbox import SandboxUpstream
from routerhub_server.upstreams.sandbox.sizes import GEMINI_3_PRO, GEMINI_25, GEMINI_31_FLASH
from tests.upstreams.sandbox.orders import (
    FLASH_25,
    FLASH_31,
    PRO,
    content_of,
    files,
    gemini,
    opened,
    order,
    photo,
    png_part,
)

TEXT, IMAGE = GenerationConfig.TEXT, GenerationConfig.IMAGE


def kinds(reply: Reply) -> list[str | None]:
    return [part.WhichOneof("data") for part in content_of(reply).candidates[0].content.parts]


@pytest.mark.parametrize(
    ("model", "ratio", "size"),
    [
        *product([FLASH_25], GEMINI_25.pixels, [""]),
        *product([PRO], GEMINI_3_PRO.pixels, ["1K"]),
        *product([FLASH_31], GEMINI_31_FLASH.pixels, ["512"]),
        *product([FLASH_31], ["1:1", "8:1"], ["1K", "2K"]),
    ],
)
async def test_image_has_the_models_pixels(
    sandbox: SandboxUpstream, model: str, ratio: str, size: str
) -> None:
    family = {FLASH_25: GEMINI_25, PRO: GEMINI_3_PRO, FLASH_31: GEMINI_31_FLASH}[model]
    reply = await sandbox.render(order(gemini("a fox", model=model, ratio=ratio, size=size)))
    image = opened(files(reply)[0])
    assert (image.format, image.size) == ("PNG", family.size(ratio, size))


async def test_largest_image_is_drawn(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("a fox", model=PRO, ratio="1:1", size="4K")))
    assert opened(files(reply)[0]).size == (4096, 4096)
    assert reply.facts.usage["candidatesTokensDetails"][1] == {"modality": "IMAGE", "tokenCount": 2000}


async def test_ratio_follows_the_first_input(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("bluer", photo((1920, 1080)), photo((100, 100)))))
    assert opened(files(reply)[0]).size == (688, 384)


async def test_response_format_is_honoured(sandbox: SandboxUpstream) -> None:
    request = gemini("a fox", size="")
    image = request.generation_config.response_format.add().image
    image.aspect_ratio, image.image_size = "ASPECT_RATIO_SIXTEEN_BY_NINE", "IMAGE_SIZE_TWO_K"
    image.mime_type = "IMAGE_JPEG"
    drawn = opened(files(await sandbox.render(order(request)))[0])
    assert (drawn.format, drawn.size) == ("JPEG", (2752, 1536))


async def test_output_options_set_format_and_quality(sandbox: SandboxUpstream) -> None:
    sizes = {}
    for quality in (90, 10):
        request = gemini("a fox")
        options = request.generation_config.image_config.image_output_options
        options.mime_type, options.compression_quality = "image/jpeg", quality
        reply = await sandbox.render(order(request))
        part = content_of(reply).candidates[0].content.parts[1]
        assert (part.inline_data.mime_type, opened(part.inline_data.data).format) == ("image/jpeg", "JPEG")
        sizes[quality] = len(part.inline_data.data)
    assert sizes[10] < sizes[90]


@pytest.mark.parametrize(
    ("modalities", "parts"),
    [
        ([TEXT, IMAGE], ["text", "inline_data"]),
        ([IMAGE], ["inline_data"]),
        ([TEXT], ["text"]),
        ([], ["text", "inline_data"]),
    ],
)
async def test_parts_are_those_of_the_modalities(
    sandbox: SandboxUpstream, modalities: list["GenerationConfig.Modality.ValueType"], parts: list[str]
) -> None:
    reply = await sandbox.render(order(gemini("a fox", modalities=modalities)))
    assert kinds(reply) == parts
    assert reply.facts.images == parts.count("inline_data")


async def test_text_model_answers_in_words(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("Hello?", model="google/gemini-3-flash", modalities=[])))
    assert "sandbox" in content_of(reply).candidates[0].content.parts[0].text
    assert kinds(reply) == ["text"]
    assert reply.facts.model_version == "sandbox/gemini-3-flash"


async def test_candidates_are_as_many_as_asked_and_differ(sandbox: SandboxUpstream) -> None:
    request = gemini("a fox", modalities=[IMAGE])
    request.generation_config.candidate_count = 3
    reply = await sandbox.render(order(request))
    assert len(set(files(reply))) == 3
    assert [candidate.index for candidate in content_of(reply).candidates] == [0, 1, 2]
    assert reply.facts.finish_reasons == ("STOP",) * 3


async def test_seed_changes_the_image_and_repeats_it(sandbox: SandboxUpstream) -> None:
    drawn = []
    for seed in (1, 1, 2):
        request = gemini("a fox")
        request.generation_config.seed = seed
        drawn += files(await sandbox.render(order(request)))
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("model", "signed"), [(FLASH_25, False), (PRO, True), (FLASH_31, True)])
async def test_newer_models_sign_their_images(sandbox: SandboxUpstream, model: str, signed: bool) -> None:
    reply = await sandbox.render(order(gemini("a fox", model=model, size="")))
    assert content_of(reply).candidates[0].content.parts[1].HasField("thought_signature") is signed


async def test_thoughts_come_first_when_asked_for(sandbox: SandboxUpstream) -> None:
    request = gemini("a fox")
    request.generation_config.thinking_config.include_thoughts = True
    reply = await sandbox.render(order(request))
    assert [part.thought for part in content_of(reply).candidates[0].content.parts] == [True, False, False]
    usage = content_of(reply).usage_metadata
    assert usage.thoughts_token_count > 0
    assert usage.total_token_count == (
        usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    )


@pytest.mark.parametrize(
    ("model", "size", "given", "made"),
    [(FLASH_25, "", 258, 1290), (PRO, "1K", 560, 1120), (FLASH_31, "512", 1120, 747)],
)
async def test_usage_adds_up(sandbox: SandboxUpstream, model: str, size: str, given: int, made: int) -> None:
    request = gemini("twelve chars", photo(), photo(), model=model, size=size)
    request.system_instruction.parts.add(text="four")
    usage = content_of(await sandbox.render(order(request))).usage_metadata
    assert [detail.token_count for detail in usage.prompt_tokens_details] == [4, 2 * given]
    assert usage.candidates_tokens_details[1].token_count == made
    assert usage.prompt_token_count == sum(detail.token_count for detail in usage.prompt_tokens_details)
    assert usage.candidates_token_count == sum(d.token_count for d in usage.candidates_tokens_details)
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count


async def test_reply_says_that_it_is_a_sandbox(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("a fox", model=f"google/{PRO}")))
    body = json.loads(reply.body)
    assert body["modelVersion"] == f"sandbox/{PRO}"
    assert "sandbox" in body["candidates"][0]["content"]["parts"][0]["text"]
    assert body["responseId"] == "request-1"


async def test_json_holds_what_the_message_holds(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(gemini("a fox")))
    body = json.loads(reply.body)
    assert body["usageMetadata"] == reply.facts.usage
    assert body["candidates"][0]["content"]["parts"][1]["inlineData"]["data"].startswith("iVBOR")
    assert body["candidates"][0]["finishReason"] == "STOP"


def conversation(*turns: tuple[str, str, bytes | None]) -> GenerateContentRequest:
    """Turns of (role, text, image)."""
    request = gemini("", ratio="1:1")
    del request.contents[:]
    for role, text, image in turns:
        turn = request.contents.add(role=role)
        if text:
            turn.parts.add(text=text)
        if image:
            turn.parts.append(png_part(image))
    return request


async def drawn(sandbox: SandboxUpstream, *turns: tuple[str, str, bytes | None]) -> bytes:
    return files(await sandbox.render(order(conversation(*turns))))[0]


async def test_edit_differs_from_a_drawing_without_input(sandbox: SandboxUpstream) -> None:
    plain = await drawn(sandbox, ("user", "bluer", None))
    edited = await drawn(sandbox, ("user", "bluer", photo()))
    other = await drawn(sandbox, ("user", "bluer", photo(color="green")))
    assert ImageChops.difference(opened(plain), opened(edited)).getbbox()
    assert ImageChops.difference(opened(edited), opened(other)).getbbox()


async def test_prompt_is_the_users_latest_text(sandbox: SandboxUpstream) -> None:
    alone = await drawn(sandbox, ("user", "bluer", None))
    after = await drawn(sandbox, ("user", "a fox", None), ("model", "done", None), ("user", "bluer", None))
    assert alone == after


async def test_models_own_image_is_edited_in_the_next_turn(sandbox: SandboxUpstream) -> None:
    chat = await drawn(sandbox, ("user", "a fox", None), ("model", "", photo()), ("user", "bluer", None))
    assert chat == await drawn(sandbox, ("user", "bluer", photo()))


async def test_only_the_models_latest_image_is_edited(sandbox: SandboxUpstream) -> None:
    old, new = photo(color="green"), photo(color="red")
    chat = await drawn(
        sandbox, ("user", "a", None), ("model", "", old), ("model", "", new), ("user", "b", None)
    )
    assert chat == await drawn(sandbox, ("user", "b", new))


async def test_images_of_earlier_user_turns_count(sandbox: SandboxUpstream) -> None:
    first = await drawn(sandbox, ("user", "", photo()), ("model", "nice", None), ("user", "bluer", None))
    assert first == await drawn(sandbox, ("user", "bluer", photo()))


async def test_input_by_uri_is_shown_as_a_placeholder(sandbox: SandboxUpstream) -> None:
    request = gemini("bluer", ratio="1:1")
    request.contents[0].parts.add().file_data.file_uri = "https://files.example/1"
    reply = await sandbox.render(order(request))
    assert files(reply)[0] != await drawn(sandbox, ("user", "bluer", None))
    assert reply.facts.usage["promptTokensDetails"][1]["modality"] == "IMAGE"


async def test_unreadable_input_is_refused(sandbox: SandboxUpstream) -> None:
    with pytest.raises(UpstreamRejectedError, match=r"^Unable to process input image\.$"):
        await sandbox.render(order(gemini("bluer", b"\x89PNG but no more")))
