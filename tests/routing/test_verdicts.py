"""What the operator wants done with answers that hold no image, as the chain does it."""

from typing import get_args

import pytest

from routerhub_server.errors import (
    ContentBlockedError,
    NoImageError,
    ProviderError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from routerhub_server.routing import Answer, Verdict
from tests.routing.scripted import ScriptedUpstream, Stage, reply
from tests.routing.warp import run

WORDS = reply(images=0)
BLOCKED = ContentBlockedError("blocked")
UNAVAILABLE = UpstreamUnavailableError("503")
TIMEOUT = UpstreamTimeoutError("slow", spent="possible")
REJECTED = UpstreamRejectedError(ProviderError(400, "no"))


def upstream(name: str, *script: object) -> ScriptedUpstream:
    return ScriptedUpstream(name, list(script))  # type: ignore[arg-type]  # replies and exceptions, as written


async def ask(stage: Stage, words: Verdict = "return", blocked: Verdict = "return") -> tuple[object, str]:
    """The answer or the error, and who gave it."""

    def judge(answer: Answer) -> Verdict:
        if isinstance(answer, ContentBlockedError):
            return blocked
        return "return" if answer.facts.images else words  # type: ignore[union-attr]  # a Reply

    journey = stage.journey()
    result: object
    try:
        result = (await stage.render(journey, judge)).reply
    except Exception as error:  # noqa: BLE001  # whatever it is, the test compares it
        result = error
    return result, journey.answered_by.upstream if journey.answered_by else ""


@pytest.mark.parametrize(
    ("a", "words", "blocked", "outcome", "calls"),
    [
        ([WORDS], "return", "return", WORDS, 1),
        ([WORDS], "retry", "return", "image", 2),
        ([WORDS, WORDS], "retry", "return", WORDS, 2),
        ([WORDS, BLOCKED], "retry", "return", BLOCKED, 2),
        ([BLOCKED], "retry", "return", BLOCKED, 1),
        ([BLOCKED], "return", "retry", "image", 2),
        # An answer that was asked for again is still an answer when nothing comes of it.
        ([WORDS, UNAVAILABLE, UNAVAILABLE], "retry", "return", WORDS, 3),
        ([WORDS, TIMEOUT], "retry", "return", WORDS, 2),
        ([WORDS, REJECTED], "retry", "return", WORDS, 2),
        ([BLOCKED, TIMEOUT], "return", "retry", BLOCKED, 2),
        # Failures that cost nothing are repeated as ever, before and after.
        ([UNAVAILABLE, WORDS], "retry", "return", "image", 3),
        # There is nowhere else to go.
        ([WORDS], "fail_over", "return", WORDS, 1),
        ([BLOCKED], "return", "fail_over", BLOCKED, 1),
    ],
)
def test_alone(a: list[object], words: Verdict, blocked: Verdict, outcome: object, calls: int) -> None:
    async def main() -> None:
        stage = Stage([upstream("a", *a)])
        result, by = await ask(stage, words, blocked)
        if outcome == "image":
            assert result not in (WORDS, BLOCKED)
        else:
            assert result is outcome
        assert (by, stage.calls) == ("a", {"a": calls})

    run(main())


@pytest.mark.parametrize(
    ("a", "b", "outcome", "by", "calls"),
    [
        ([WORDS], [], "image", "b", 1),
        ([WORDS], [WORDS], WORDS, "b", 1),
        ([WORDS], [BLOCKED], BLOCKED, "b", 1),
        ([BLOCKED], [], "image", "b", 1),
        ([BLOCKED], [WORDS], WORDS, "b", 1),
        # What `b` could not better is returned, and said to be of `a`.
        ([WORDS], [TIMEOUT], WORDS, "a", 1),
        ([WORDS], [UNAVAILABLE, UNAVAILABLE], WORDS, "a", 2),
        ([WORDS], [REJECTED], WORDS, "a", 1),
        ([BLOCKED], [TIMEOUT], BLOCKED, "a", 1),
    ],
)
def test_fail_over(a: list[object], b: list[object], outcome: object, by: str, calls: int) -> None:
    async def main() -> None:
        stage = Stage([upstream("a", *a), upstream("b", *b)])
        result, answered_by = await ask(stage, "fail_over", "fail_over")
        if outcome == "image":
            assert result not in (WORDS, BLOCKED)
        else:
            assert result is outcome
        assert (answered_by, stage.calls) == (by, {"a": 1, "b": calls})

    run(main())


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_errors_are_not_judged(verdict: Verdict) -> None:
    async def main() -> None:
        stage = Stage([upstream("a", TIMEOUT), upstream("b")])
        assert await ask(stage, verdict, verdict) == (TIMEOUT, "")
        assert stage.calls == {"a": 1, "b": 0}

    run(main())


def test_refusal_says_what_all_attempts_may_have_cost() -> None:
    async def main() -> None:
        refusal = NoImageError("words")
        stage = Stage([upstream("a", TIMEOUT), upstream("b", refusal)], may_pay_twice=["b"])
        with pytest.raises(NoImageError):
            await stage.render()
        assert refusal.spent == "possible"

    run(main())
