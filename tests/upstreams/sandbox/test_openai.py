import json
import time

import pytest

from routerhub_server.errors import UpstreamRejectedError
from routerhub_server.upstreams.sandbox import SandboxUpstream
from tests.upstreams.sandbox.orders import files, images_of, openai, opened, order


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        ("auto", (1024, 1024)),
        ("1536x1024", (1536, 1024)),
        ("1024x1536", (1024, 1536)),
        ("256x768", (256, 768)),
    ],
)
async def test_image_has_the_size_asked_for(
    sandbox: SandboxUpstream, size: str, pixels: tuple[int, int]
) -> None:
    reply = await sandbox.render(order(openai(size=size)))
    assert opened(files(reply)[0]).size == pixels
    assert images_of(reply).size == f"{pixels[0]}x{pixels[1]}"


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp", "gif"])
@pytest.mark.parametrize("background", ["auto", "opaque", "transparent"])
async def test_image_has_the_format_asked_for(
    sandbox: SandboxUpstream, output_format: str, background: str
) -> None:
    reply = await sandbox.render(order(openai(output_format=output_format, background=background)))
    image = opened(files(reply)[0])
    assert (image.format, images_of(reply).output_format) == (output_format.upper(), output_format)
    assert images_of(reply).background == ("transparent" if background == "transparent" else "opaque")
    has_alpha = background == "transparent" and output_format in {"png", "webp"}
    assert (image.mode == "RGBA") is has_alpha


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
async def test_compression_shows_in_the_bytes(sandbox: SandboxUpstream, output_format: str) -> None:
    sizes = []
    for compression in (None, 50, 0):
        request = openai(output_format=output_format, output_compression=compression)
        sizes.append(len(files(await sandbox.render(order(request)))[0]))
    assert sizes[0] > sizes[1] > sizes[2]


async def test_gif_is_animated_as_asked(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(openai(output_format="gif", frame_count=3, frame_duration_ms=70)))
    image = opened(files(reply)[0])
    assert (getattr(image, "n_frames", 0), image.info["duration"]) == (3, 70)


async def test_svg_is_refused(sandbox: SandboxUpstream) -> None:
    with pytest.raises(UpstreamRejectedError) as caught:
        await sandbox.render(order(openai(output_format="svg")))
    assert caught.value.provider.param == "output_format"


async def test_images_are_as_many_as_asked_and_differ(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(openai(n=10)))
    assert len(set(files(reply))) == 10
    assert reply.facts.images == 10


async def test_equal_requests_give_equal_images(sandbox: SandboxUpstream) -> None:
    first, second = [files(await sandbox.render(order(openai(n=2)))) for _ in range(2)]
    assert first == second


@pytest.mark.parametrize(
    ("asked", "used"), [(None, "high"), ("auto", "high"), ("low", "low"), ("medium", "medium")]
)
async def test_quality_is_resolved(sandbox: SandboxUpstream, asked: str | None, used: str) -> None:
    assert images_of(await sandbox.render(order(openai(quality=asked)))).quality == used


@pytest.mark.parametrize(
    ("quality", "size", "n", "tokens"),
    [
        ("low", "1024x1024", 2, 544),
        ("medium", "1536x1024", 1, 1568),
        ("high", "1024x1536", 1, 6240),
        ("high", "512x512", 1, 1040),
        ("max", "512x512", 1, 1040),
    ],
)
async def test_usage_counts_by_quality_and_size(
    sandbox: SandboxUpstream, quality: str, size: str, n: int, tokens: int
) -> None:
    usage = images_of(await sandbox.render(order(openai("four", quality=quality, size=size, n=n)))).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (1, tokens, tokens + 1)
    assert (
        usage.input_tokens == usage.input_tokens_details.text_tokens + usage.input_tokens_details.image_tokens
    )
    assert usage.output_tokens_details.image_tokens == tokens


async def test_json_has_openais_names(sandbox: SandboxUpstream) -> None:
    reply = await sandbox.render(order(openai()))
    body = json.loads(reply.body)
    assert set(body) == {"created", "data", "background", "output_format", "quality", "size", "usage"}
    assert body["data"][0]["b64_json"].startswith("iVBOR")
    assert body["usage"] == reply.facts.usage
    assert abs(body["created"] - time.time()) < 60
    assert reply.facts.model_version == "sandbox/gpt-image-2"
