"""What is written on a drawing: the prompt, and the word that says where it comes from."""

import math
import re
import unicodedata

from PIL import Image, ImageDraw, ImageFont

_INK = (255, 255, 255, 255)
_PANEL = (12, 14, 24, 165)
_BADGE = (12, 14, 24, 205)
_MAX_CHARACTERS = 600  # more than four lines of any picture hold

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def write_label(picture: Image.Image, label: str, *, inset: float = 0.035) -> None:
    """Writes `label` into the upper left corner, in place; `inset` is a share of the shorter side."""
    unit, margin = _unit(picture), round(inset * min(picture.size))
    font = _font(0.040 * unit, widest=label, room=picture.width - 2 * margin - 0.06 * unit)
    left, top, right, bottom = font.getbbox(label)
    pad = round(0.020 * unit)
    badge = Image.new("RGBA", (max(1, round(right - left)) + 3 * pad, max(1, round(bottom - top)) + 2 * pad))
    canvas = ImageDraw.Draw(badge)
    radius = badge.height // 3
    canvas.rounded_rectangle((0, 0, badge.width - 1, badge.height - 1), radius, fill=_BADGE)
    canvas.text((1.5 * pad - left, pad - top), label, font=font, fill=_INK)
    _lay(picture, badge, (margin, margin))


def write_caption(picture: Image.Image, caption: str, *, lines: int = 4, inset: float = 0.035) -> None:
    """Writes `caption` along the lower edge, in place, on at most so many lines."""
    unit, margin = _unit(picture), round(inset * min(picture.size))
    font = _font(0.034 * unit)
    pad = round(0.022 * unit)
    room = picture.width - 2 * margin - 2 * pad
    rows = _wrap(_drawable(caption[:_MAX_CHARACTERS], font), font, room, lines)
    pace = round(0.046 * unit)
    panel = Image.new("RGBA", (max(1, picture.width - 2 * margin), max(1, pace * len(rows) + 2 * pad)))
    canvas = ImageDraw.Draw(panel)
    canvas.rounded_rectangle((0, 0, panel.width - 1, panel.height - 1), pad, fill=_PANEL)
    for number, line in enumerate(rows):
        canvas.text((pad, pad + number * pace), line, font=font, fill=_INK)
    _lay(picture, panel, (margin, picture.height - margin - panel.height))


def _unit(picture: Image.Image) -> float:
    """Letters are measured by the geometric mean of both sides, within what a narrow picture can hold."""
    width, height = picture.size
    return min(math.sqrt(width * height), 2 * width, 2 * height)


def _font(size: float, widest: str = "", room: float = 0) -> Font:
    """Pillow's own font, at `size` pixels or as large as lets `widest` fit into `room`."""
    font = ImageFont.load_default(max(6, size))
    width = font.getlength(widest)
    return ImageFont.load_default(max(6, size * room / width)) if width > room > 0 else font


def _drawable(text: str, font: Font) -> str:
    """`text` without accents, and with what the font has no glyph for (most of Unicode) as an ellipsis."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    missing = bytes(font.getmask("\uffff"))
    lacks = {c: not c.isspace() and bytes(font.getmask(c)) == missing for c in set(plain)}
    words = "".join("…" if lacks[c] else c for c in plain).split()
    return re.sub("…+", "…", " ".join(words))


def _wrap(text: str, font: Font, room: float, most: int) -> list[str]:
    """Lines no wider than `room`, at most `most`; the last one ends in an ellipsis if something is left."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= room:
            lines[-1] = joined
        elif lines[-1] and len(lines) == most:
            lines[-1] = _clip(f"{lines[-1]}…", font, room)
            break
        elif lines[-1]:
            lines.append(_clip(word, font, room))
        else:
            lines[-1] = _clip(word, font, room)
    return lines


def _clip(text: str, font: Font, room: float) -> str:
    """`text`, shortened to fit `room`."""
    if font.getlength(text) <= room:
        return text
    keep = int(len(text) * room / font.getlength(text))
    while keep > 1 and font.getlength(f"{text[:keep]}…") > room:
        keep -= 1
    return f"{text[:keep].rstrip('…')}…"


def _lay(picture: Image.Image, sheet: Image.Image, corner: tuple[int, int]) -> None:
    """Lays a translucent sheet over the picture; over transparency it keeps its own alpha."""
    if picture.mode == "RGBA":
        picture.alpha_composite(sheet, (max(0, corner[0]), max(0, corner[1])))
    else:
        picture.paste(sheet, corner, sheet)
