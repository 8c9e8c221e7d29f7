"""How Gemini spells aspect ratios and image sizes: plainly, and as the enum names of `response_format`."""

# Every ratio and size of the API, in the order of its error texts; a model takes some of them.
ASPECT_RATIOS = (
    "1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9",
)  # fmt: skip
IMAGE_SIZES = ("1K", "2K", "4K", "512", "512P", "512PX")

# Two further spellings that the API has for one size.
SIZE_SPELLINGS = {"512P": "512", "512PX": "512"}

_NUMBERS = {
    "ONE": "1",
    "TWO": "2",
    "THREE": "3",
    "FOUR": "4",
    "FIVE": "5",
    "EIGHT": "8",
    "NINE": "9",
    "SIXTEEN": "16",
    "TWENTY_ONE": "21",
}
_SIZE_NAMES = {"FIVE_TWELVE": "512", "ONE_K": "1K", "TWO_K": "2K", "FOUR_K": "4K"}


def plain_ratio(written: str) -> str | None:
    """`16:9` for ASPECT_RATIO_SIXTEEN_BY_NINE; empty when unset or unspecified, None for no ratio."""
    name = written.upper().removeprefix("ASPECT_RATIO_")
    if name in ("", "UNSPECIFIED") or name in ASPECT_RATIOS:
        return name.removeprefix("UNSPECIFIED")
    width, _, height = name.partition("_BY_")
    ratio = f"{_NUMBERS.get(width)}:{_NUMBERS.get(height)}"
    return ratio if ratio in ASPECT_RATIOS else None


def plain_size(written: str) -> str | None:
    """`2K` for IMAGE_SIZE_TWO_K; empty when unset or unspecified, None for no size."""
    name = written.upper().removeprefix("IMAGE_SIZE_")
    if name in ("", "UNSPECIFIED") or name in IMAGE_SIZES:
        return name.removeprefix("UNSPECIFIED")
    return _SIZE_NAMES.get(name)
