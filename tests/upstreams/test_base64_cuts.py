"""Skeletons of replies."""

import base64
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerhub_server.upstreams.base64_cuts import HEAD_BYTES, Skeleton, cut_base64

IMAGE = os.urandom(150_000)
STANDARD = base64.b64encode(IMAGE).decode()
URL_SAFE = base64.urlsafe_b64encode(IMAGE).decode()
WORDS = "a cat, " * 6_000


def skeleton_of(value: object) -> Skeleton:
    return cut_base64(json.dumps(value).encode())


@pytest.mark.parametrize("text", [STANDARD, URL_SAFE, base64.b64encode(IMAGE[:-1]).decode().rstrip("=")])
def test_long_base64_is_cut_out_and_its_head_kept(text: str) -> None:
    skeleton = skeleton_of({"a": {"data": text}, "b": [text, "short"], "c": 1})
    assert len(skeleton.body) < 100
    data = json.loads(skeleton.body)
    first, (second, short) = data["a"]["data"], data["b"]
    assert first != second
    assert (short, data["c"]) == ("short", 1)
    assert skeleton.head(first) == skeleton.head(second) == IMAGE[:HEAD_BYTES]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WORDS, id="words"),
        pytest.param(STANDARD[:-4] + "!!!!", id="wrong-at-the-end"),
        pytest.param(STANDARD[:40_000] + " " + STANDARD[40_000:], id="blank-inside"),
        pytest.param(STANDARD[:87_378] + "==" + STANDARD, id="padding-inside"),
        pytest.param(STANDARD + "A", id="length"),
        pytest.param(STANDARD[:100_000] + "-_" + STANDARD[100_000:100_002], id="two-alphabets"),
        pytest.param(STANDARD.replace("/", "\\/") + '"' + STANDARD, id="escapes"),
    ],
)
def test_what_is_not_base64_stays(text: str) -> None:
    body = json.dumps({"data": text, "rest": [STANDARD]}).encode()
    skeleton = cut_base64(body)
    data = json.loads(skeleton.body)
    assert data["data"] == text
    assert len(data["rest"][0]) < 20


def test_quotes_in_a_text_mislead_nobody() -> None:
    value = {"a": f'say "{STANDARD}" now', "b": f'"{STANDARD}', "c": STANDARD + '"'}
    skeleton = skeleton_of(value)
    assert json.loads(skeleton.body).keys() == value.keys()


def test_small_and_broken_bodies_come_back_as_they_are() -> None:
    for body in (b"", b"{}", b" " * 50_000, b'{"a":"' + STANDARD.encode(), STANDARD.encode(), b'"' * 20_000):
        assert cut_base64(body).body == body


def test_head_of_text_left_in_place() -> None:
    skeleton = cut_base64(b"{}")
    assert skeleton.head("AAEC") == skeleton.head("AAE\nC") == b"\x00\x01\x02"
    assert skeleton.head("-_8") == skeleton.head("+/8=") == b"\xfb\xff"
    for text in ("not base64!", "A", "é", "=AAA", "+-AA"):
        with pytest.raises(ValueError, match=r"base64|ordinal"):
            skeleton.head(text)


LONG = {
    "standard": STANDARD,
    "url-safe": URL_SAFE,
    "words": WORDS,
    "quote first": '"' + STANDARD,
    "two windows": STANDARD[:16_384],
    "escapes": '\\"' * 9000,
    "blank": " " * 20_000,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(sorted(LONG)),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=4), below, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_skeleton_differs_in_its_cuts_alone(small: object) -> None:
    value = enlarged(small)
    skeleton = skeleton_of(value)
    for name in skeleton.heads:
        assert skeleton.body.count(name.encode()) == 1
    assert shape(json.loads(skeleton.body)) == shape(value)


def enlarged(value: object) -> object:
    """The value with the long texts in the place of their names."""
    if isinstance(value, dict):
        return {key: enlarged(below) for key, below in value.items()}
    if isinstance(value, list):
        return [enlarged(below) for below in value]
    return LONG.get(value, value) if isinstance(value, str) else value


def shape(value: object) -> object:
    """The value with every long base64 text, or what stands for one, named alike."""
    if isinstance(value, dict):
        return {key: shape(below) for key, below in value.items()}
    if isinstance(value, list):
        return [shape(below) for below in value]
    if isinstance(value, str) and (value.startswith("cut000") or len(value) > 16_000):
        return "long"
    return value
