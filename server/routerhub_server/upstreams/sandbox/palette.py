"""Colours and reproducible numbers for the sandbox's drawings."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

Color = tuple[int, int, int]
T = TypeVar("T")


class Dice:
    """Numbers that look random and are the same for the same key in every process."""

    def __init__(self, *key: object) -> None:
        self._key = blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=32).digest()
        self._throws = 0

    def between(self, low: float, high: float) -> float:
        self._throws += 1
        word = blake2b(self._throws.to_bytes(4, "big"), key=self._key, digest_size=4).digest()
        return low + (high - low) * int.from_bytes(word, "big") / 2**32

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.between(0, len(choices)))]


@dataclass(frozen=True, slots=True)
class Palette:
    top: str
    middle: str
    horizon: str
    light: str
    far: str
    near: str

    @property
    def sky(self) -> tuple[Color, ...]:
        return rgb(self.top), rgb(self.middle), rgb(self.horizon)

    def depth(self, nearness: float) -> Color:
        """Colour of a layer between the far one (0) and the near one (1)."""
        return mix(rgb(self.far), rgb(self.near), nearness)


PALETTES = (
    Palette("#2b1b4d", "#b5446e", "#ffb46b", "#fff1c9", "#b0567c", "#1b1233"),  # dusk
    Palette("#5b8fd6", "#f7c6c7", "#ffe7b8", "#fffbe6", "#a9b3dc", "#2d3a66"),  # dawn
    Palette("#070b24", "#142a5c", "#4a6fb0", "#f4f1de", "#35528f", "#050818"),  # night
    Palette("#58b4dc", "#bfe6df", "#fdf6c9", "#fffdf0", "#9ccfa4", "#14532d"),  # meadow
    Palette("#e8704a", "#f9b871", "#fde8bd", "#fffaf0", "#e09a6a", "#5c2a1e"),  # desert
    Palette("#1f4e79", "#7fb7d6", "#e8f6fa", "#ffffff", "#a9d0e2", "#16324a"),  # arctic
    Palette("#7b4bb7", "#f284b6", "#ffd1dc", "#fff7e0", "#d183bd", "#3c1f5e"),  # candy
    Palette("#16423c", "#6a9c89", "#e9efc9", "#fffbe0", "#7fa893", "#0b2a24"),  # forest
    Palette("#1a0f1f", "#7a1f2b", "#f2703f", "#ffe29a", "#8e3036", "#10080f"),  # ember
    Palette("#023e8a", "#0096c7", "#caf0f8", "#fff9db", "#5fb6d0", "#03254c"),  # sea
)


def rgb(color: str) -> Color:
    """`#rrggbb` as three numbers."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def mix(first: Color, second: Color, share: float) -> Color:
    """`share` 0 gives the first colour, 1 the second."""
    a, b, c = (round(x + (y - x) * share) for x, y in zip(first, second, strict=True))
    return a, b, c
