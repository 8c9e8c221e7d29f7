"""The sandbox's motifs: mountains under a sun, waves, and orbs, each a few shapes over a gradient."""

import math
from collections.abc import Callable

from PIL import Image, ImageDraw

from routerhub_server.upstreams.sandbox.palette import PALETTES, Color, Dice, Palette, mix, rgb

Size = tuple[int, int]

# Scenes are drawn at twice the size for smooth edges, from at most one megapixel, and enlarged if need be:
# a 4K picture then costs little more than a 1K one, and soft shapes do not show it.
_SUPERSAMPLE = 2
_SCENE_PIXELS = 2**20
_STEP = 6  # px between the points of a ridge


def draw_scene(dice: Dice, size: Size) -> Image.Image:
    """An RGB picture of `size` whose motif, colours and shapes come from `dice` alone."""
    palette = dice.pick(PALETTES)
    paint = dice.pick(_MOTIFS)
    shrink = min(1.0, math.sqrt(_SCENE_PIXELS / (size[0] * size[1])))
    width, height = (max(1, round(side * shrink)) * _SUPERSAMPLE for side in size)
    scene = _gradient(palette.sky, (width, height))
    paint(scene, palette, dice)
    return scene.reduce(_SUPERSAMPLE).resize(size, Image.Resampling.BICUBIC)


def _gradient(stops: tuple[Color, ...], size: Size) -> Image.Image:
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(stops)
    # Smooth along one column, then wide: resizing both ways at once costs ten times as much.
    return column.resize((1, size[1]), Image.Resampling.BICUBIC).resize(size, Image.Resampling.NEAREST)


def _mountains(scene: Image.Image, palette: Palette, dice: Dice) -> None:
    width, height = scene.size
    unit = min(scene.size)
    if sum(rgb(palette.top)) < 160:
        _stars(scene, palette, dice)
    center = (dice.between(0.2, 0.8) * width, dice.between(0.22, 0.42) * height)
    _sun(scene, center, dice.between(0.06, 0.13) * unit, rgb(palette.light))
    layers = 6
    for layer in range(layers):
        nearness = layer / (layers - 1)
        base = height * (0.46 + 0.42 * nearness)
        rough = 0.85 - 0.35 * nearness
        _ridge(scene, dice, base, unit * (0.13 - 0.05 * nearness), rough, palette.depth(nearness))


def _waves(scene: Image.Image, palette: Palette, dice: Dice) -> None:
    width, height = scene.size
    center = (dice.between(0.25, 0.75) * width, dice.between(0.15, 0.25) * height)
    _sun(scene, center, dice.between(0.07, 0.12) * min(scene.size), rgb(palette.light))
    layers = 9
    for layer in range(layers):
        nearness = layer / (layers - 1)
        base = height * (0.3 + 0.62 * nearness)
        _ridge(scene, dice, base, min(scene.size) * 0.06, 0.25, palette.depth(nearness))


def _orbs(scene: Image.Image, palette: Palette, dice: Dice) -> None:
    width, height = scene.size
    colors = [rgb(palette.light), rgb(palette.far), rgb(palette.near), rgb(palette.horizon), rgb(palette.top)]
    for _ in range(9):
        radius = dice.between(0.05, 0.26) * math.sqrt(width * height)
        center = (dice.between(0, 1) * width, dice.between(0, 1) * height)
        _orb(scene, center, radius, dice.pick(colors))
    canvas = ImageDraw.Draw(scene)
    for _ in range(5):
        x, y = dice.between(0, 1) * width, dice.between(0, 1) * height
        radius = dice.between(0.03, 0.2) * math.sqrt(width * height)
        canvas.circle((x, y), radius, outline=rgb(palette.light), width=max(1, min(scene.size) // 300))


_MOTIFS: tuple[Callable[[Image.Image, Palette, Dice], None], ...] = (_mountains, _waves, _orbs)


def _ridge(scene: Image.Image, dice: Dice, base: float, height: float, rough: float, color: Color) -> None:
    """Fills everything below a skyline made of octaves of sines, each `rough` times as high as the last."""
    width, bottom = scene.size
    period = min(scene.size) * dice.between(0.7, 1.3)
    octaves = [
        (2 * math.pi * 2.1**octave / period, dice.between(0, 2 * math.pi), 0.6 * rough**octave / 1.6**octave)
        for octave in range(6)
    ]
    skyline = [
        (x, base - height * sum(share * math.sin(pace * x + start) for pace, start, share in octaves))
        for x in range(0, width + _STEP, _STEP)
    ]
    ImageDraw.Draw(scene).polygon([*skyline, (width + _STEP, bottom), (0, bottom)], fill=color)


def _sun(scene: Image.Image, center: tuple[float, float], radius: float, color: Color) -> None:
    glow = _glow(round(radius * 10))
    scene.paste(color, (round(center[0] - glow.width / 2), round(center[1] - glow.height / 2)), glow)
    ImageDraw.Draw(scene).circle(center, radius, fill=color)


def _orb(scene: Image.Image, center: tuple[float, float], radius: float, color: Color) -> None:
    """A ball lit from the upper left."""
    ball = ImageDraw.Draw(scene)
    steps = 24
    for step in range(steps):
        share = step / steps
        lift = radius * 0.28 * share
        shade = mix(mix(color, (0, 0, 0), 0.22), mix(color, (255, 255, 255), 0.35), share)
        ball.circle((center[0] - lift, center[1] - lift), radius * (1 - share), fill=shade)


def _stars(scene: Image.Image, palette: Palette, dice: Dice) -> None:
    canvas = ImageDraw.Draw(scene)
    width, height = scene.size
    for _ in range(110):
        nearness = dice.between(0, 1) ** 2
        color = mix(rgb(palette.middle), rgb(palette.light), 0.3 + 0.7 * nearness)
        center = (dice.between(0, width), dice.between(0, 0.55 * height))
        canvas.circle(center, 1 + 2.2 * nearness * min(scene.size) / 2048, fill=color)


def _glow(side: int) -> Image.Image:
    """A mask that fades from its middle to nothing at its edges."""
    # Pillow's radial gradient reaches 255 in the corners, hence 180 at the middle of an edge.
    fade = [round(max(0.0, 1 - distance / 180) ** 2.2 * 190) for distance in range(256)]
    return Image.radial_gradient("L").point(fade).resize((side, side), Image.Resampling.BILINEAR)
