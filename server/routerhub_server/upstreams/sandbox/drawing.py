"""Draws the sandbox's pictures, deterministically, from what a request says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from routerhub_server.upstreams.sandbox.lettering import write_caption, write_label
from routerhub_server.upstreams.sandbox.palette import Dice
from routerhub_server.upstreams.sandbox.scenes import draw_scene

Size = tuple[int, int]

LABEL = "SANDBOX"


@dataclass(frozen=True, slots=True)
class Subject:
    """What to draw. Equal subjects give equal pixels, in every process."""

    prompt: str
    size: Size
    """Width and height in pixels."""
    seed: int | None = None
    index: int = 0
    """Which of several images for the same prompt."""
    inputs: Sequence[Image.Image] = ()
    """RGBA images to edit; every one of them appears in the drawing."""
    transparent: bool = False

    def nth(self, index: int) -> "Subject":
        """The same again, as another of several images."""
        return replace(self, index=index)


def draw(subject: Subject) -> Image.Image:
    """The drawing: RGB, or RGBA with empty corners if it is to be transparent."""
    dice = Dice(subject.prompt, subject.seed, subject.index)
    picture = draw_scene(dice, subject.size)
    if subject.inputs:
        _hang(picture, subject.inputs)
    if subject.transparent:
        picture.putalpha(_medallion(subject.size))
    inset = 0.14 if subject.transparent else 0.035
    write_label(picture, LABEL, inset=inset)
    if subject.prompt.strip():
        write_caption(picture, subject.prompt, lines=2 if subject.inputs else 4, inset=inset)
    return picture


def _hang(picture: Image.Image, inputs: Sequence[Image.Image]) -> None:
    """Hangs the inputs on the scene side by side, framed, the scene's colours shining through."""
    for image, cell in zip(inputs, _cells(picture.size, len(inputs)), strict=True):
        left, top, right, bottom = cell
        scale = min((right - left) / image.width, (bottom - top) / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        corner = round((left + right - size[0]) / 2), round((top + bottom - size[1]) / 2)
        box = (corner[0], corner[1], corner[0] + size[0], corner[1] + size[1])
        scene = picture.crop(box)
        photo = image.resize(size, Image.Resampling.BICUBIC)
        lit = Image.composite(photo.convert("RGB"), scene, photo.getchannel("A"))
        picture.paste(Image.blend(lit, scene, 0.18), box)
        frame = max(1, round(min(picture.size) * 0.006))
        ImageDraw.Draw(picture).rectangle(
            (box[0] - frame, box[1] - frame, box[2] + frame - 1, box[3] + frame - 1),
            outline=(255, 255, 255),
            width=frame,
        )


def _cells(size: Size, count: int) -> list[tuple[float, float, float, float]]:
    """Boxes for `count` inputs: a grid of nearly square cells between the label and the caption."""
    width, height = size
    gap = min(size) * 0.03
    left, top, right, bottom = width * 0.08, height * 0.12, width * 0.92, height * 0.76
    columns = min(count, max(1, round(math.sqrt(count * (right - left) / (bottom - top)))))
    rows = math.ceil(count / columns)
    across, down = (right - left + gap) / columns, (bottom - top + gap) / rows
    return [
        (
            left + number % columns * across,
            top + number // columns * down,
            left + (number % columns + 1) * across - gap,
            top + (number // columns + 1) * down - gap,
        )
        for number in range(count)
    ]


def _medallion(size: Size) -> Image.Image:
    """Opaque within a rounded shape, empty around it."""
    margin, radius = round(min(size) * 0.06), round(min(size) * 0.24)
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    box = (2 * margin, 2 * margin, 2 * (size[0] - margin) - 1, 2 * (size[1] - margin) - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, 2 * radius, fill=255)
    return mask.reduce(2)
