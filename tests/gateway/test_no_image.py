"""Answers without an image: one classification in both shapes at both doors, and what is done about it."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes import openai
from tests.fakes.server import Fault
from tests.gateway.callers import DOORS, SHAPES, Caller, Door, Shape, Told
from tests.gateway.providers import Providers, providers, scraped, wait_until
from tests.gateway.routes import gemini_model, openai_model, route

POLICIES = {"recitation": "retry", "truncated": "fail_over"}


@dataclass(frozen=True)
class World:
    gateway: Gateway
    caller: Caller
    providers: Providers
    second: Providers
    """Where calls go that fail over."""

    def log(self) -> list[str]:
        return self.gateway.log.read_text().splitlines()

    @property
    def asked(self) -> tuple[int, int]:
        return self.providers.asked, self.second.asked


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        first, second = stack.enter_context(providers()), stack.enter_context(providers())
        routes = {kind: (route(kind, model), route(f"{kind}2", model)) for kind, model in MODELS.items()}
        config = {
            "upstreams": first.upstreams | {f"{name}2": node for name, node in second.upstreams.items()},
            "models": [gemini_model("gemini", *routes["gemini"]), openai_model("openai", *routes["openai"])],
            "no_image": POLICIES,
        }
        gateway = stack.enter_context(running_gateway(tmp_path_factory.mktemp("no-image"), config))
        caller = Caller(gateway)
        stack.callback(caller.close)
        yield World(gateway, caller, first, second)


MODELS = {"gemini": "gemini-3-pro-image", "openai": "gpt-image-2"}


def finished(reason: str, *parts: Mapping[str, Any]) -> Fault:
    """Gemini's reply that ended so."""
    candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
    if parts:
        candidate["content"] = {"parts": list(parts), "role": "model"}
    return Fault(status=200, body={"candidates": [candidate], "modelVersion": "gemini-3-pro-image"})


def blocked(stage: str) -> Fault:
    """OpenAI's refusal."""
    body = openai.moderation_blocked()
    body["error"]["moderation_details"]["moderation_stage"] = stage
    return Fault(status=400, body=body)


@dataclass(frozen=True)
class Case:
    kind: str
    fault: Fault
    reason: str
    metadata: Mapping[str, str]
    """Beside the kind."""


PROMPT_BLOCKED = Fault(status=200, body={"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
WORDS = finished("STOP", {"text": "I would rather describe it."})
GEMINI = [
    Case("prompt_blocked", PROMPT_BLOCKED, "CONTENT_BLOCKED", {"block_reason": "PROHIBITED_CONTENT"}),
    Case("output_blocked", finished("IMAGE_SAFETY"), "CONTENT_BLOCKED", {"finish_reason": "IMAGE_SAFETY"}),
    Case("words_only", WORDS, "NO_IMAGE", {"finish_reason": "STOP"}),
    Case("empty", finished("NO_IMAGE"), "NO_IMAGE", {"finish_reason": "NO_IMAGE"}),
    Case("empty", Fault(status=200, body={}), "NO_IMAGE", {}),
    Case("empty", finished("STOP", {"text": "Hm.", "thought": True}), "NO_IMAGE", {"finish_reason": "STOP"}),
    Case(
        "malformed",
        finished("MALFORMED_FUNCTION_CALL"),
        "NO_IMAGE",
        {"finish_reason": "MALFORMED_FUNCTION_CALL"},
    ),
]
OPENAI = [
    Case("prompt_blocked", blocked("input"), "CONTENT_BLOCKED", {}),
    Case("output_blocked", blocked("output"), "CONTENT_BLOCKED", {}),
    Case("empty", Fault(status=200, body={"created": 1, "data": []}), "NO_IMAGE", {}),
    Case("empty", Fault(status=200, body={"created": 1}), "NO_IMAGE", {}),
]


@pytest.mark.parametrize("case", GEMINI, ids=lambda case: case.kind)
def test_gemini_rest_is_googles_own_200_with_the_kind_beside_it(world: World, case: Case) -> None:
    before = world.asked
    world.providers.gemini.script.append(case.fault)
    told = world.caller.ask("rest", "gemini", "gemini")
    assert told.status == 200
    assert told.body == case.fault.body
    assert told.ours == {
        "no-image": case.kind,
        "upstream": "gemini",
        "model": "gemini-3-pro-image",
        "attempts": "1",
    }
    assert world.asked == (before[0] + 1, before[1])


@pytest.mark.parametrize("case", OPENAI, ids=lambda case: case.kind)
def test_openai_rest_is_the_vendors_error(world: World, case: Case) -> None:
    before = world.asked
    world.providers.openai.script.append(case.fault)
    told = world.caller.ask("rest", "openai", "openai")
    assert told.status == 400
    if case.fault.status == 400:
        assert told.body == case.fault.body
    else:
        assert (told.body["error"]["type"], told.body["error"]["code"]) == (
            "image_generation_user_error",
            "no_image",
        )
    assert told.headers["x-should-retry"] == "false"
    assert (told.ours["no-image"], told.ours["upstream"], told.ours["attempts"]) == (case.kind, "openai", "1")
    assert world.asked == (before[0] + 1, before[1])


@pytest.mark.parametrize(
    ("shape", "case"),
    [*(("gemini", case) for case in GEMINI), *(("openai", case) for case in OPENAI)],
    ids=lambda value: getattr(value, "kind", value),
)
def test_typed_callers_get_an_error_with_the_kind(world: World, shape: Shape, case: Case) -> None:
    getattr(world.providers, shape).script.append(case.fault)
    told = world.caller.ask("grpc", shape, shape)
    assert (told.status, told.reason) == ("FAILED_PRECONDITION", case.reason)
    assert told.metadata == {"no_image": case.kind, **case.metadata}
    assert told.headers["grpc-retry-pushback-ms"] == "-1"
    assert (told.ours["no-image"], told.ours["upstream"], told.ours["attempts"]) == (case.kind, shape, "1")
    assert told.message


@pytest.mark.parametrize("door", DOORS)
class TestPolicies:
    """`recitation: retry`, `truncated: fail_over`."""

    def ask(self, world: World, door: Door, *faults: Fault, second: tuple[Fault, ...] = ()) -> Told:
        world.providers.gemini.script.extend(faults)
        world.second.gemini.script.extend(second)
        told = world.caller.ask(door, "gemini", "gemini")
        assert not world.providers.gemini.script
        assert not world.second.gemini.script
        return told

    def test_retry_asks_the_same_upstream_once_more(self, world: World, door: Door) -> None:
        before = world.asked
        told = self.ask(world, door, finished("RECITATION"))
        assert told.ok
        assert (told.ours["upstream"], told.ours["attempts"]) == ("gemini", "2")
        assert "no-image" not in told.ours
        assert world.asked == (before[0] + 2, before[1])

    def test_retry_that_ends_the_same_is_returned(self, world: World, door: Door) -> None:
        before = world.asked
        told = self.ask(world, door, finished("RECITATION"), finished("RECITATION"))
        assert (told.ours["no-image"], told.ours["attempts"]) == ("recitation", "2")
        assert world.asked == (before[0] + 2, before[1])

    def test_retry_that_fails_leaves_the_first_answer(self, world: World, door: Door) -> None:
        told = self.ask(world, door, finished("RECITATION"), Fault(status=500))
        assert (told.ours["no-image"], told.ours["attempts"]) == ("recitation", "2")
        assert told.ok is (door == "rest")

    def test_fail_over_asks_the_next_route(self, world: World, door: Door) -> None:
        before = world.asked
        told = self.ask(world, door, finished("MAX_TOKENS"))
        assert told.ok
        assert (told.ours["upstream"], told.ours["attempts"]) == ("gemini2", "2")
        assert world.asked == (before[0] + 1, before[1] + 1)

    def test_fail_over_to_nothing_better_says_whose_answer_it_is(self, world: World, door: Door) -> None:
        told = self.ask(world, door, finished("MAX_TOKENS"), second=(Fault(status=500),))
        assert (told.ours["no-image"], told.ours["upstream"], told.ours["attempts"]) == (
            "truncated",
            "gemini",
            "2",
        )

    @pytest.mark.parametrize("shape", SHAPES)
    def test_kinds_without_a_policy_are_returned(self, world: World, door: Door, shape: Shape) -> None:
        before = world.asked
        getattr(world.providers, shape).script.append(WORDS if shape == "gemini" else blocked("input"))
        world.caller.ask(door, shape, shape)
        assert world.asked == (before[0] + 1, before[1])


def test_words_are_all_that_was_asked_for_where_no_image_was(world: World) -> None:
    world.providers.gemini.script.append(WORDS)
    told = world.caller.ask("rest", "gemini", "gemini", responseModalities=["TEXT"])
    assert (told.status, told.body) == (200, WORDS.body)
    assert "no-image" not in told.ours


def test_kinds_are_counted_and_logged(world: World) -> None:
    world.providers.gemini.script.append(WORDS)
    told = world.caller.ask("rest", "gemini", "gemini")
    assert scraped(world.gateway)['routerhub_no_image_total{kind="words_only",model="google/gemini"}'] >= 1
    request_id = told.headers["x-request-id"]
    wait_until(lambda: any(request_id in line and '"no_image": "words_only"' in line for line in world.log()))
