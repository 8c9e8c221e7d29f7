"""Pixels, ratios and token counts of the Gemini image models, as Google documents them.

https://ai.google.dev/gemini-api/docs/image-generation#aspect-ratios-and-image-size (pixels) and
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/3-1-flash-image (its tokens).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Size = tuple[int, int]

_GEMINI_25_PIXELS: Mapping[str, Size] = MappingProxyType(
    {
        "1:1": (1024, 1024),
        "2:3": (832, 1248),
        "3:2": (1248, 832),
        "3:4": (864, 1184),
        "4:3": (1184, 864),
        "4:5": (896, 1152),
        "5:4": (1152, 896),
        "9:16": (768, 1344),
        "16:9": (1344, 768),
        "21:9": (1536, 672),
    }
)
_GEMINI_3_PIXELS: Mapping[str, Size] = MappingProxyType(
    {
        "1:1": (1024, 1024),
        "2:3": (848, 1264),
        "3:2": (1264, 848),
        "3:4": (896, 1200),
        "4:3": (1200, 896),
        "4:5": (928, 1152),
        "5:4": (1152, 928),
        "9:16": (768, 1376),
        "16:9": (1376, 768),
        "21:9": (1584, 672),
    }
)
_EXTREME_PIXELS: Mapping[str, Size] = MappingProxyType(
    {"1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}
)
# Google's table prints 792x168 for 512 at 21:9, which is not 21:9: a slip, so it is halved like the rest.
_SCALES: Mapping[str, float] = MappingProxyType({"512": 0.5, "1K": 1, "2K": 2, "4K": 4})


@dataclass(frozen=True, slots=True)
class Family:
    """What the models of one generation have in common."""

    pixels: Mapping[str, Size]
    """Pixels at 1K by aspect ratio."""
    output_tokens: Mapping[str, int]
    """Tokens of one output image by image size; the key "1K" is always there."""
    input_tokens: int
    """Tokens of one input image."""
    signs_thoughts: bool
    """Whether image parts carry a thoughtSignature, to be sent back in later turns."""

    def size(self, ratio: str, image_size: str) -> Size:
        """Pixels for an aspect ratio of this family; an unknown ratio is square, an unknown size 1K."""
        width, height = self.pixels.get(ratio, self.pixels["1:1"])
        scale = _SCALES.get(image_size.upper(), 1)
        return round(width * scale), round(height * scale)

    def nearest_ratio(self, size: Size) -> str:
        """The supported ratio closest to that of `size`."""
        wanted = math.log(size[0] / size[1])
        return min(self.pixels, key=lambda ratio: abs(wanted - math.log(_quotient(ratio))))

    def tokens(self, image_size: str) -> int:
        """Tokens that one output image counts."""
        return self.output_tokens.get(image_size.upper(), self.output_tokens["1K"])


GEMINI_25 = Family(_GEMINI_25_PIXELS, MappingProxyType({"1K": 1290}), 258, signs_thoughts=False)
GEMINI_3_PRO = Family(
    _GEMINI_3_PIXELS, MappingProxyType({"1K": 1120, "2K": 1120, "4K": 2000}), 560, signs_thoughts=True
)
GEMINI_31_FLASH = Family(
    MappingProxyType({**_GEMINI_3_PIXELS, **_EXTREME_PIXELS}),
    MappingProxyType({"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}),
    1120,
    signs_thoughts=True,
)


def family_of(model: str) -> Family:
    """The family of a model id; ids of generations yet to come count as the newest."""
    if "2.5" in model or "2.0" in model:
        return GEMINI_25
    return GEMINI_3_PRO if "3-pro" in model else GEMINI_31_FLASH


def tokens_of_text(characters: int) -> int:
    """About four characters to a token."""
    return math.ceil(characters / 4)


def _quotient(ratio: str) -> float:
    width, height = ratio.split(":")
    return int(width) / int(height)
