"""Images that are not what was asked for: reported beside them, or refused; and what else replies say."""

import base64
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes.pictures import picture
from tests.fakes.server import Fault
from tests.gateway.callers import DOORS, SHAPES, Caller, Door, Shape, Told
from tests.gateway.providers import Providers, providers, scraped, wait_until

MODELS = {"gemini": "gemini-3-pro-image", "openai": "gpt-image-2"}
Ask = Callable[..., Told]


@pytest.fixture(scope="module")
def behind() -> Iterator[Providers]:
    with providers() as running:
        yield running


@contextlib.contextmanager
def started(
    factory: pytest.TempPathFactory, behind: Providers, **settings: Any
) -> Iterator[tuple[Gateway, Caller]]:
    config = {"upstreams": behind.upstreams, **settings}
    with running_gateway(factory.mktemp("delivered"), config) as gateway:
        caller = Caller(gateway)
        with contextlib.closing(caller):
            yield gateway, caller


@pytest.fixture(scope="module")
def warning(behind: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Caller]]:
    """A gateway as it is without settings."""
    with started(tmp_path_factory, behind) as running:
        yield running


@pytest.fixture(scope="module")
def failing(behind: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Caller]]:
    with started(tmp_path_factory, behind, mismatch="fail", reply_headers=False) as running:
        yield running


def delivering(behind: Providers, shape: Shape, data: bytes, count: int = 1, mime_type: str = "") -> None:
    """Script what the next reply holds."""
    text = base64.b64encode(data).decode()
    if shape == "openai":
        behind.openai.next(status=200, body={"created": 1, "data": [{"b64_json": text}] * count})
        return
    blob = {"mimeType": mime_type or "image/png", "data": text}
    content = {"role": "model", "parts": [{"inlineData": blob}] * count}
    behind.gemini.next(status=200, body={"candidates": [{"content": content, "finishReason": "STOP"}]})


SQUARE, JPEG = picture(1024, 1024), picture(1024, 1024, "JPEG")
CASES = [
    ("openai", {"n": 3}, SQUARE, 2, "count=2/3"),
    ("openai", {"size": "1536x1024"}, SQUARE, 1, "size=1024x1024/1536x1024"),
    ("openai", {"output_format": "webp"}, SQUARE, 1, "format=png/webp"),
    ("openai", {}, b"<html>not an image</html>", 1, "format=unreadable"),
    (
        "openai",
        {"n": 2, "size": "1536x1024"},
        JPEG,
        1,
        "count=1/2, format=jpeg/png, size=1024x1024/1536x1024",
    ),
    ("gemini", {"imageConfig": {"aspectRatio": "16:9"}}, SQUARE, 1, "aspect_ratio=1024x1024/16:9"),
    ("gemini", {"imageConfig": {"imageSize": "4K"}}, SQUARE, 1, "image_size=1024x1024/4K"),
    ("gemini", {}, JPEG, 1, "format=jpeg/png"),
    ("gemini", {}, b"not an image", 1, "format=unreadable"),
]
cases = pytest.mark.parametrize(
    ("shape", "fields", "data", "count", "found"), CASES, ids=[found for *_, found in CASES]
)


@pytest.mark.parametrize("door", DOORS)
@cases
def test_mismatch_is_reported_beside_the_image(
    warning: tuple[Gateway, Caller],
    behind: Providers,
    door: Door,
    shape: Shape,
    fields: dict[str, Any],
    data: bytes,
    count: int,
    found: str,
) -> None:
    before = behind.asked
    delivering(behind, shape, data, count)
    told = warning[1].ask(door, shape, MODELS[shape], **fields)
    assert told.ok, told
    assert told.ours["delivered"] == found
    assert behind.asked == before + 1


@pytest.mark.parametrize("door", DOORS)
@cases
def test_mismatch_fails_where_the_operator_wants_that(
    failing: tuple[Gateway, Caller],
    behind: Providers,
    door: Door,
    shape: Shape,
    fields: dict[str, Any],
    data: bytes,
    count: int,
    found: str,
) -> None:
    before = behind.asked
    delivering(behind, shape, data, count)
    told = failing[1].ask(door, shape, MODELS[shape], **fields)
    assert told.status == (502 if door == "rest" else "INTERNAL")
    assert (told.ours, found in told.message) == ({"delivered": found}, True)
    if door == "grpc":
        assert (told.reason, told.headers["grpc-retry-pushback-ms"]) == ("UPSTREAM_BAD_REPLY", "-1")
    elif shape == "openai":
        assert told.headers["x-should-retry"] == "false"  # it was paid
    assert behind.asked == before + 1


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        ("gemini", {"imageConfig": {"aspectRatio": "21:9", "imageSize": "2K"}}),
        ("openai", {"n": 2, "size": "1536x1024", "output_format": "jpeg"}),
    ],
)
def test_nothing_is_said_of_what_is_as_asked(
    warning: tuple[Gateway, Caller], door: Door, shape: Shape, fields: dict[str, Any]
) -> None:
    told = warning[1].ask(door, shape, MODELS[shape], **fields)
    assert told.ok
    assert told.ours == {"upstream": shape, "model": MODELS[shape], "attempts": "1"}


def test_mismatch_is_counted_and_logged(warning: tuple[Gateway, Caller], behind: Providers) -> None:
    gateway, caller = warning
    name = 'routerhub_mismatches_total{model="openai/gpt-image-2",what="size"}'
    before = scraped(gateway).get(name, 0)
    delivering(behind, "openai", SQUARE)
    request_id = caller.ask("rest", "openai", "gpt-image-2", size="1536x1024").headers["x-request-id"]
    assert scraped(gateway)[name] == before + 1
    wait_until(lambda: any(request_id in line and '"delivered": "size=' in line for line in lines(gateway)))


def lines(gateway: Gateway) -> list[str]:
    return gateway.log.read_text().splitlines()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_reply_says_who_answered_after_how_many_attempts(
    warning: tuple[Gateway, Caller], behind: Providers, door: Door, shape: Shape
) -> None:
    getattr(behind, shape).next(status=503, headers={"retry-after": "0"})
    told = warning[1].ask(door, shape, MODELS[shape])
    assert told.ours == {"upstream": shape, "model": MODELS[shape], "attempts": "2"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_error_says_who_was_asked_after_how_many_attempts(
    warning: tuple[Gateway, Caller], behind: Providers, door: Door, shape: Shape
) -> None:
    getattr(behind, shape).script.append(Fault(status=500))
    told = warning[1].ask(door, shape, MODELS[shape])
    assert not told.ok
    assert told.ours == {"upstream": shape, "model": MODELS[shape], "attempts": "1"}


@pytest.mark.parametrize("door", DOORS)
def test_refused_request_names_no_upstream(
    warning: tuple[Gateway, Caller], behind: Providers, door: Door
) -> None:
    before = behind.asked
    told = warning[1].ask(door, "openai", "gpt-image-2", n=99)
    assert (told.status in (400, "INVALID_ARGUMENT"), told.ours) == (True, {})
    assert behind.asked == before


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_upstream_is_kept_to_ourselves_where_the_operator_wants_that(
    failing: tuple[Gateway, Caller], behind: Providers, door: Door, shape: Shape
) -> None:
    _, caller = failing
    assert caller.ask(door, shape, MODELS[shape]).ours == {}
    getattr(behind, shape).next(status=500)
    assert caller.ask(door, shape, MODELS[shape]).ours == {}


def test_unknown_fields_are_counted_and_logged_once(warning: tuple[Gateway, Caller]) -> None:
    gateway, caller = warning
    for _ in range(3):
        assert caller.ask("rest", "gemini", "gemini-3-pro-image").ok
        assert caller.ask("rest", "openai", "gpt-image-2").ok
    found = {
        name: count
        for name, count in scraped(gateway).items()
        if name.startswith("routerhub_unknown_fields_total")
    }
    for upstream, field in [
        ("gemini", "fieldOfTomorrow"),
        ("gemini", "candidates.candidateFieldOfTomorrow"),
        ("openai", "data.image_field_of_tomorrow"),
    ]:
        name = f'routerhub_unknown_fields_total{{field="{field}",upstream="{upstream}"}}'
        assert found[name] >= 3
        told = [line for line in lines(gateway) if '"unknown_field"' in line and f'"{field}"' in line]
        assert len(told) == 1
