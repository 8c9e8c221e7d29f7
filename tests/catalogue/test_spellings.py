"""The two ways in which Gemini spells ratios and sizes."""

import pytest

from routerhub_server.catalogue.spellings import ASPECT_RATIOS, plain_ratio, plain_size


@pytest.mark.parametrize("ratio", ASPECT_RATIOS)
def test_plain_ratios_stay(ratio: str) -> None:
    assert plain_ratio(ratio) == ratio


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("ASPECT_RATIO_SIXTEEN_BY_NINE", "16:9"),
        ("ASPECT_RATIO_TWENTY_ONE_BY_NINE", "21:9"),
        ("ASPECT_RATIO_ONE_BY_EIGHT", "1:8"),
        ("ASPECT_RATIO_FIVE_BY_FOUR", "5:4"),
        ("ASPECT_RATIO_THREE_BY_TWO", "3:2"),
    ],
)
def test_ratio_names_are_understood(name: str, ratio: str) -> None:
    assert plain_ratio(name) == ratio


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("IMAGE_SIZE_FIVE_TWELVE", "512"),
        ("IMAGE_SIZE_TWO_K", "2K"),
        ("IMAGE_SIZE_FOUR_K", "4K"),
        ("1K", "1K"),
    ],
)
def test_size_names_are_understood(name: str, size: str) -> None:
    assert plain_size(name) == size


@pytest.mark.parametrize("written", ["", "ASPECT_RATIO_UNSPECIFIED"])
def test_unset_ratio_is_empty(written: str) -> None:
    assert plain_ratio(written) == ""


def test_what_is_no_ratio_or_size_is_none() -> None:
    assert plain_ratio("ASPECT_RATIO_SEVEN_BY_TWO") is None
    assert plain_size("IMAGE_SIZE_NINE_K") is None
