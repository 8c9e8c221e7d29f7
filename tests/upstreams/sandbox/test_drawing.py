import subprocess
import sys
from hashlib import sha256

import pytest
from PIL import Image, ImageChops

from routerhub_server.upstreams.sandbox.drawing import Subject, draw

SMALL = (160, 120)


def test_equal_subjects_give_equal_pixels() -> None:
    assert draw(Subject("a fox", SMALL, seed=7)).tobytes() == draw(Subject("a fox", SMALL, seed=7)).tobytes()


def test_drawing_is_the_same_in_another_process() -> None:
    code = (
        "from hashlib import sha256\n"
        "from routerhub_server.upstreams.sandbox.drawing import Subject, draw\n"
        "print(sha256(draw(Subject('a fox', (160, 120))).tobytes()).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == sha256(draw(Subject("a fox", SMALL)).tobytes()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        Subject("a cat", SMALL),
        Subject("a fox", SMALL, seed=1),
        Subject("a fox", SMALL, seed=0),
        Subject("a fox", SMALL, index=1),
    ],
)
def test_any_difference_gives_another_drawing(other: Subject) -> None:
    assert draw(Subject("a fox", SMALL)).tobytes() != draw(other).tobytes()


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (33, 7), (7, 33), (192, 1536), (1536, 192), (1024, 1024)])
@pytest.mark.parametrize("transparent", [False, True])
def test_drawing_has_the_size_asked_for(size: tuple[int, int], transparent: bool) -> None:
    drawing = draw(Subject("a fox", size, inputs=[Image.new("RGBA", (9, 5))], transparent=transparent))
    assert (drawing.size, drawing.mode) == (size, "RGBA" if transparent else "RGB")


def test_transparent_drawing_is_empty_in_its_corners_and_full_in_its_middle() -> None:
    alpha = draw(Subject("a fox", SMALL, transparent=True)).getchannel("A")
    assert [alpha.getpixel(spot) for spot in [(0, 0), (159, 0), (0, 119), (159, 119)]] == [0] * 4
    assert alpha.getpixel((80, 60)) == 255


@pytest.mark.parametrize("count", [1, 2, 3, 5, 14, 16])
def test_every_input_is_seen(count: int) -> None:
    inputs = [Image.new("RGBA", (60, 40), (255, 16 * number, 0)) for number in range(count)]
    plain, edited = draw(Subject("a fox", (320, 240))), draw(Subject("a fox", (320, 240), inputs=inputs))
    for number in range(count):
        without = [*inputs[:number], Image.new("RGBA", (60, 40), "blue"), *inputs[number + 1 :]]
        assert ImageChops.difference(edited, draw(Subject("a fox", (320, 240), inputs=without))).getbbox(), (
            f"input {number} is not on the drawing"
        )
    assert ImageChops.difference(plain, edited).getbbox()


def test_input_keeps_most_of_its_colour() -> None:
    drawing = draw(Subject("a fox", (200, 200), inputs=[Image.new("RGBA", (50, 50), "#00ff00")]))
    middle = drawing.getpixel((100, 88))
    assert isinstance(middle, tuple)
    assert middle[1] > 200


def test_label_stands_out_in_the_upper_left_corner() -> None:
    """White letters on a dark badge, on whatever scene."""
    for index in range(6):
        badge = draw(Subject("a fox", (512, 512), index=index)).crop((18, 18, 120, 50)).convert("L")
        low, high = badge.getextrema()
        assert isinstance(low, int)
        assert isinstance(high, int)
        assert (low < 80, high > 240) == (True, True)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " ",
        "x" * 5000,
        "word " * 5000,
        "小猫在屋顶上",
        "🐱" * 50,
        "\u202e\x00\x1b[31m",
        "a\n\n\nb",
        "ﷺ" * 999,
    ],
)
def test_any_prompt_can_be_written(prompt: str) -> None:
    assert draw(Subject(prompt, SMALL)).size == SMALL


def test_prompt_is_written_on_the_drawing() -> None:
    def caption(prompt: str) -> bytes:
        return (
            draw(Subject(prompt, (512, 512)))
            .crop((20, 430, 492, 490))
            .convert("1", dither=Image.Dither.NONE)
            .tobytes()
        )

    assert caption("a fox") != caption("an owl")
