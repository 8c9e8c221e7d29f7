import pytest

from routerhub_server.upstreams.sandbox.sizes import (
    GEMINI_3_PRO,
    GEMINI_25,
    GEMINI_31_FLASH,
    Family,
    family_of,
)


@pytest.mark.parametrize(
    ("family", "ratio", "image_size", "pixels"),
    [
        (GEMINI_25, "1:1", "", (1024, 1024)),
        (GEMINI_25, "21:9", "", (1536, 672)),
        (GEMINI_25, "3:4", "", (864, 1184)),
        (GEMINI_3_PRO, "2:3", "1K", (848, 1264)),
        (GEMINI_3_PRO, "16:9", "2K", (2752, 1536)),
        (GEMINI_3_PRO, "21:9", "4K", (6336, 2688)),
        (GEMINI_3_PRO, "1:1", "4k", (4096, 4096)),
        (GEMINI_31_FLASH, "9:16", "512", (384, 688)),
        (GEMINI_31_FLASH, "2:3", "512", (424, 632)),
        (GEMINI_31_FLASH, "1:8", "512", (192, 1536)),
        (GEMINI_31_FLASH, "8:1", "4K", (12288, 1536)),
        (GEMINI_31_FLASH, "1:4", "", (512, 2048)),
    ],
)
def test_pixels_are_those_of_googles_table(
    family: Family, ratio: str, image_size: str, pixels: tuple[int, int]
) -> None:
    assert family.size(ratio, image_size) == pixels


@pytest.mark.parametrize("family", [GEMINI_25, GEMINI_3_PRO, GEMINI_31_FLASH])
def test_sizes_of_a_ratio_have_that_ratio(family: Family) -> None:
    for ratio in family.pixels:
        width, height = map(int, ratio.split(":"))
        size = family.size(ratio, "2K")
        assert size[0] / size[1] == pytest.approx(width / height, rel=0.04)
        assert family.nearest_ratio(size) == ratio


def test_extreme_ratios_belong_to_the_flash_model() -> None:
    assert len(GEMINI_31_FLASH.pixels) == 14
    assert len(GEMINI_3_PRO.pixels) == len(GEMINI_25.pixels) == 10


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gemini-2.5-flash-image", GEMINI_25),
        ("gemini-3-pro-image-preview", GEMINI_3_PRO),
        ("gemini-3.1-flash-image", GEMINI_31_FLASH),
        ("gemini-4-flash-image", GEMINI_31_FLASH),
    ],
)
def test_models_find_their_family(model: str, family: Family) -> None:
    assert family_of(model) is family
