"""What is repeated, where, and what all of it may have cost: each row of the table in chain.py."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

import pytest

from routerhub_server.errors import (
    ContentBlockedError,
    InvalidRequestError,
    OverloadedError,
    ProviderError,
    RouterHubError,
    Spent,
    UpstreamBadReplyError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from routerhub_server.routing.chain import LONGEST_WAIT
from tests.routing.scripted import ScriptedUpstream, Stage
from tests.routing.warp import now, run

REJECTED = UpstreamRejectedError(ProviderError(400, "Your prompt is empty."))


@dataclass(frozen=True)
class Row:
    """Route `a` fails always; what becomes of it with `b` behind, which draws."""

    name: str
    error: UpstreamError
    same: int
    """How often `a` is asked."""
    next: bool
    """Whether `b` is asked where it may not be paid as a second one."""
    owed: Spent


ROWS = [
    Row("not reached", UpstreamUnavailableError("refused"), 2, next=True, owed="no"),
    Row("503", UpstreamUnavailableError("503"), 2, next=True, owed="no"),
    Row("429", UpstreamRateLimitedError("429"), 2, next=True, owed="no"),
    Row("credentials", UpstreamMisconfiguredError("401"), 1, next=True, owed="no"),
    Row("timeout that cost nothing", UpstreamTimeoutError("slow"), 2, next=True, owed="no"),
    Row("redirection", UpstreamBadReplyError("302"), 1, next=True, owed="no"),
    Row("400", REJECTED, 1, next=False, owed="no"),
    Row("500", UpstreamUnavailableError("500", spent="possible"), 1, next=False, owed="possible"),
    Row("reset", UpstreamUnavailableError("reset", spent="possible"), 1, next=False, owed="possible"),
    Row("timeout", UpstreamTimeoutError("slow", spent="possible"), 1, next=False, owed="possible"),
    Row("not HTTP", UpstreamBadReplyError("garbage", spent="possible"), 1, next=False, owed="possible"),
    Row("truncated", UpstreamBadReplyError("truncated", spent="yes"), 1, next=False, owed="yes"),
]
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


async def failure(stage: Stage, **times: float) -> RouterHubError:
    with pytest.raises(RouterHubError) as caught:
        await stage.render(stage.journey(**times))
    return caught.value


@rows
def test_alone(row: Row) -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream("a", otherwise=row.error)])
        error = await failure(stage)
        assert stage.calls == {"a": row.same}
        assert (error, error.spent) == (row.error, row.owed)

    run(main())


@rows
def test_with_a_next_route(row: Row) -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream("a", otherwise=row.error), ScriptedUpstream("b")])
        journey = stage.journey()
        if row.next:
            rendered = await stage.render(journey)
            assert (rendered.upstream, rendered.model, rendered.reply.facts.images) == ("b", "b-model", 1)
            assert journey.spent == "yes"
        else:
            with pytest.raises(type(row.error)):
                await stage.render(journey)
            assert journey.spent == row.owed
        assert stage.calls == {"a": row.same, "b": int(row.next)}
        assert [attempt.upstream for attempt in journey.attempts] == ["a"] * row.same + ["b"] * row.next

    run(main())


@rows
def test_with_a_next_route_that_may_be_paid_twice(row: Row) -> None:
    async def main() -> None:
        upstreams = [ScriptedUpstream("a", otherwise=row.error), ScriptedUpstream("b")]
        stage = Stage(upstreams, may_pay_twice=["b"])
        if row.error is REJECTED:
            assert await failure(stage) is REJECTED
        else:
            assert (await stage.render()).upstream == "b"
        assert stage.calls == {"a": row.same, "b": int(row.error is not REJECTED)}

    run(main())


@rows
def test_everywhere(row: Row) -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream(name, otherwise=row.error) for name in "abc"])
        error = await failure(stage)
        asked = row.same if row.next else 0
        assert stage.calls == {"a": row.same, "b": asked, "c": asked}
        assert (error.reason, error.spent) == (row.error.reason, row.owed)

    run(main())


def test_recovery_on_the_same_upstream() -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream("a", [UpstreamUnavailableError("503")]), ScriptedUpstream("b")])
        assert (await stage.render()).upstream == "a"
        assert stage.calls == {"a": 2, "b": 0}

    run(main())


def test_pauses_double_and_retries_are_counted() -> None:
    async def main() -> None:
        stage = Stage(
            [ScriptedUpstream("a", otherwise=UpstreamUnavailableError("503"))], retries=6, failures=99
        )
        await failure(stage)
        times = [when for when, _ in stage.upstreams[0].asked]
        pauses = [after - before for before, after in pairwise(times)]
        assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 8])

    run(main())


def test_no_retries_where_there_shall_be_none() -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream("a", otherwise=UpstreamUnavailableError("503"))], retries=0)
        await failure(stage)
        assert stage.calls == {"a": 1}

    run(main())


def test_charge_stays_possible_when_later_routes_cost_nothing() -> None:
    async def main() -> None:
        stage = Stage(
            [
                ScriptedUpstream("a", otherwise=UpstreamTimeoutError("slow", spent="possible")),
                ScriptedUpstream("b", otherwise=UpstreamRateLimitedError("429", retry_after=9)),
            ],
            may_pay_twice=["b"],
            retries=0,
        )
        error = await failure(stage)
        assert (error.reason, error.spent) == ("UPSTREAM_RATE_LIMITED", "possible")

    run(main())


def test_charge_stays_possible_when_the_next_pool_is_full() -> None:
    async def main() -> None:
        slow = ScriptedUpstream("b", seconds=50)
        failing = ScriptedUpstream("a", otherwise=UpstreamTimeoutError("slow", spent="possible"), seconds=1)
        stage = Stage([failing, slow], may_pay_twice=["b"], size=1)
        first = asyncio.create_task(failure(stage, caller_seconds=5))
        await asyncio.sleep(0.5)  # by then it is too late to put `b` behind `a`
        other = Stage([slow])
        other.links["b"] = stage.links["b"]
        running = asyncio.create_task(other.render())
        error = await first
        assert (error.reason, error.spent) == ("OVERLOADED", "possible")
        await running

    run(main())


def test_routes_that_may_not_pay_twice_are_skipped_after_a_possible_charge() -> None:
    async def main() -> None:
        timeout = UpstreamTimeoutError("slow", spent="possible")
        upstreams = [ScriptedUpstream("a", otherwise=timeout), ScriptedUpstream("b"), ScriptedUpstream("c")]
        stage = Stage(upstreams, may_pay_twice=["c"])
        assert (await stage.render()).upstream == "c"
        assert stage.calls == {"a": 1, "b": 0, "c": 1}

    run(main())


class TestRetryAfter:
    def limited(self, seconds: float) -> UpstreamRateLimitedError:
        return UpstreamRateLimitedError("429", retry_after=seconds)

    def test_is_honoured(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", [self.limited(15)])])
            await stage.render()
            assert [when for when, _ in stage.upstreams[0].asked] == [0, 15]

        run(main())

    def test_minutes_are_the_callers_to_wait(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", otherwise=self.limited(LONGEST_WAIT + 1))])
            error = await failure(stage)
            assert (stage.calls, now(), error.retry_after) == ({"a": 1}, 0, LONGEST_WAIT + 1)

        run(main())

    @pytest.mark.parametrize("times", [{"seconds": 40}, {"caller_seconds": 40}])
    def test_beyond_the_time_left_is_told_at_once(self, times: dict[str, float]) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", otherwise=self.limited(45))])
            error = await failure(stage, **times)
            assert (stage.calls, now()) == ({"a": 1}, 0)
            assert (error.reason, error.retry_after, error.spent) == ("UPSTREAM_RATE_LIMITED", 45, "no")

        run(main())

    def test_short_is_waited_for_before_the_next_route(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", [self.limited(0.9)]), ScriptedUpstream("b")])
            assert (await stage.render()).upstream == "a"
            assert now() == pytest.approx(0.9)

        run(main())

    def test_long_goes_to_the_next_route(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", [self.limited(1.1)]), ScriptedUpstream("b")])
            assert (await stage.render()).upstream == "b"
            assert now() == 0

        run(main())

    def test_long_is_waited_for_where_no_route_is_left(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream(name, [self.limited(20)]) for name in "ab"])
            assert (await stage.render()).upstream == "b"
            assert (stage.calls, now()) == ({"a": 1, "b": 2}, 20)

        run(main())


class TestTime:
    def test_attempts_share_the_renders_time(self) -> None:
        async def main() -> None:
            stage = Stage(
                [
                    ScriptedUpstream("a", otherwise=UpstreamUnavailableError("503"), seconds=20),
                    ScriptedUpstream("b", seconds=100),
                ],
                retries=0,
            )
            error = await failure(stage, seconds=60)
            assert (error.reason, error.spent, now()) == ("UPSTREAM_TIMEOUT", "possible", 60)
            assert [(seen.outcome, seen.spent) for seen in stage.observed] == [
                ("UPSTREAM_UNAVAILABLE", "no"),
                ("UPSTREAM_TIMEOUT", "possible"),
            ]
            assert stage.upstreams[1].running == 0

        run(main())

    def test_callers_deadline_ends_no_render(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", seconds=100)])
            await stage.render(stage.journey(caller_seconds=5))
            assert now() == 100

        run(main())


class TestPool:
    def test_full_goes_to_the_next_route(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream(name, seconds=10) for name in "ab"], size=3)
            rendered = await asyncio.gather(*(stage.render() for _ in range(6)))
            assert [one.upstream for one in rendered] == ["a"] * 3 + ["b"] * 3
            assert now() == 10

        run(main())

    def test_full_everywhere_waits(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream(name, seconds=10) for name in "ab"], size=3)
            await asyncio.gather(*(stage.render() for _ in range(12)))
            assert now() <= 30
            assert [upstream.most_running for upstream in stage.upstreams] == [3, 3]
            assert not any(link.pool.full for link in stage.links.values())

        run(main())

    def test_full_too_long_is_overloaded_and_nothing_is_asked(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", seconds=50)], size=1)
            running = asyncio.create_task(stage.render())
            await asyncio.sleep(0)
            journey = stage.journey(caller_seconds=5)
            with pytest.raises(OverloadedError) as caught:
                await stage.render(journey)
            assert (now(), journey.attempts, caught.value.spent) == (5, [], "no")
            assert (await running).upstream == "a"
            assert stage.calls == {"a": 1}

        run(main())


class TestBreaker:
    def test_open_goes_to_the_next_route(self) -> None:
        async def main() -> None:
            broken = ScriptedUpstream("a", otherwise=UpstreamUnavailableError("503"))
            stage = Stage([broken, ScriptedUpstream("b")], retries=0, failures=3)
            for _ in range(10):
                assert (await stage.render()).upstream == "b"
            assert stage.calls == {"a": 3, "b": 10}
            assert stage.links["a"].breaker("a-model").state == "open"

        run(main())

    def test_open_and_alone_is_told_at_once_and_costs_nothing(self) -> None:
        async def main() -> None:
            stage = Stage(
                [ScriptedUpstream("a", otherwise=UpstreamTimeoutError("slow", spent="possible"))], failures=1
            )
            await failure(stage)
            await asyncio.sleep(10)
            journey = stage.journey()
            with pytest.raises(UpstreamUnavailableError) as caught:
                await stage.render(journey)
            assert (now(), journey.attempts, stage.calls) == (10, [], {"a": 1})
            assert (caught.value.retry_after, caught.value.spent) == (20, "no")

        run(main())

    def test_half_open_sends_one_of_200(self) -> None:
        async def main() -> None:
            upstream = ScriptedUpstream("a", otherwise=UpstreamUnavailableError("503"), seconds=5)
            stage = Stage([upstream], size=500, retries=0, failures=1)
            await failure(stage)
            await asyncio.sleep(30)
            upstream.otherwise, upstream.most_running = None, 0
            asked = len(upstream.asked)
            results = await asyncio.gather(*(stage.render() for _ in range(200)), return_exceptions=True)
            assert sum(not isinstance(result, Exception) for result in results) == 1
            assert (len(upstream.asked) - asked, upstream.most_running) == (1, 1)
            assert stage.links["a"].breaker("a-model").state == "closed"
            await asyncio.gather(*(stage.render() for _ in range(200)))
            assert upstream.most_running == 200

        run(main())

    def test_cancelled_probe_lets_the_next_one_probe(self) -> None:
        async def main() -> None:
            upstream = ScriptedUpstream("a", [UpstreamUnavailableError("503")], seconds=5)
            stage = Stage([upstream], retries=0, failures=1)
            await failure(stage)
            await asyncio.sleep(30)
            probe = asyncio.create_task(stage.render())
            await asyncio.sleep(1)
            probe.cancel()
            await asyncio.gather(probe, return_exceptions=True)
            assert (await stage.render()).upstream == "a"

        run(main())

    @pytest.mark.parametrize(
        "error", [REJECTED, UpstreamRateLimitedError("429"), ContentBlockedError("blocked")], ids=repr
    )
    def test_refusals_of_the_request_do_not_open_it(self, error: RouterHubError) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", otherwise=error)], retries=0, failures=2)
            for _ in range(5):
                await failure(stage)
            assert stage.links["a"].breaker("a-model").state == "closed"

        run(main())

    def test_cancelled_calls_do_not_open_it(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", seconds=5)], failures=2)
            calls = [asyncio.create_task(stage.render()) for _ in range(10)]
            await asyncio.sleep(1)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert stage.links["a"].breaker("a-model").state == "closed"
            assert {(seen.outcome, seen.spent) for seen in stage.observed} == {("CANCELLED", "possible")}

        run(main())


def test_breaker_that_opens_in_between_does_not_hide_the_failure() -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream("a", otherwise=UpstreamUnavailableError("503"))], failures=1)
        assert (await failure(stage)).message == "503"
        assert stage.calls == {"a": 1}

    run(main())


class TestEligible:
    def test_upstream_without_a_field_is_passed_over_with_its_reason(self) -> None:
        async def main() -> None:
            stage = Stage([ScriptedUpstream("a", missing=("moderation", "user")), ScriptedUpstream("b")])
            journey = stage.journey()
            assert (await stage.render(journey)).upstream == "b"
            assert (stage.calls, journey.passed_over) == ({"a": 0, "b": 1}, {"a": ("moderation", "user")})

        run(main())

    def test_field_that_no_upstream_has_is_the_callers_error(self) -> None:
        async def main() -> None:
            stage = Stage(
                [
                    ScriptedUpstream("a", missing=("moderation", "user")),
                    ScriptedUpstream("b", missing=("user",)),
                ]
            )
            with pytest.raises(InvalidRequestError) as caught:
                await stage.render()
            assert [violation.field for violation in caught.value.violations] == ["moderation", "user"]
            assert "by any upstream of this model" in caught.value.message
            assert stage.calls == {"a": 0, "b": 0}

        run(main())


def test_internal_error_is_neither_repeated_nor_held_against_the_upstream() -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream("a", [ZeroDivisionError()]), ScriptedUpstream("b")], failures=1)
        with pytest.raises(ZeroDivisionError):
            await stage.render()
        assert stage.calls == {"a": 1, "b": 0}
        assert [(seen.outcome, seen.spent) for seen in stage.observed] == [("INTERNAL", "possible")]
        assert stage.links["a"].breaker("a-model").state == "closed"

    run(main())


def test_cancelled_render_ends_its_attempt() -> None:
    async def main() -> None:
        stage = Stage([ScriptedUpstream("a", seconds=100), ScriptedUpstream("b")])
        journey = stage.journey()
        task = asyncio.create_task(stage.render(journey))
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (stage.upstreams[0].running, stage.links["a"].pool.in_use) == (0, 0)
        assert (stage.calls, journey.spent) == ({"a": 1, "b": 0}, "possible")

    run(main())
