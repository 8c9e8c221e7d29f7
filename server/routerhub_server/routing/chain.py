"""From a model's routes to one reply: retry, fail over, or stop, as the money allows.

| an attempt ended in                               | same upstream again | next route                  |
|---------------------------------------------------|---------------------|-----------------------------|
| nothing sent or taken: refused, not resolved      | `retries` times     | yes                         |
| not asked: pool full until the time is up, open   | no                  | yes                         |
| 429, 503                                          | after Retry-After   | yes                         |
| the operator's fault: credentials, model gone     | no                  | yes                         |
| the caller's fault: 400, 413, 422                 | no                  | no                          |
| a possible charge: 5xx, reset, timeout, bad reply | no                  | where it says may_pay_twice |
| an answer without an image                        | as its verdict says | as its verdict says         |
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

from routerhub_server.catalogue import Route
from routerhub_server.errors import (
    CapacityError,
    ContentError,
    InvalidRequestError,
    RouterHubError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    Violation,
)
from routerhub_server.routing.breaker import Breaker, Health
from routerhub_server.routing.journey import Attempt, Journey
from routerhub_server.routing.link import Link
from routerhub_server.upstreams.base import Reply

FIRST_PAUSE = 0.5
"""Seconds; doubled each time, and drawn at random below that (full jitter)."""
LONGEST_PAUSE = 8.0
LONGEST_WAIT = 20.0
"""Seconds that an upstream may ask us to wait; beyond, its caller is told so and waits for itself."""
PATIENCE = 1.0
"""Seconds that an upstream is waited for while another route is left."""

REPEATABLE = (UpstreamUnavailableError, UpstreamRateLimitedError, UpstreamTimeoutError)
"""What may have passed when the same upstream is asked again."""

Answer = Reply | ContentError
"""What a provider says when it works: a reply, or that it will not draw this."""
Verdict = Literal["return", "retry", "fail_over"]
Judge = Callable[[Answer], Verdict]


@dataclass(frozen=True, slots=True)
class Rendered:
    reply: Reply
    upstream: str
    model: str
    """The id that the upstream was asked for."""


@dataclass(frozen=True, slots=True)
class _Answered:
    answer: Answer
    attempt: Attempt


@dataclass(slots=True)
class _Watched:
    attempt: Attempt
    answer: Answer | None = None


class _LeftAloneError(UpstreamUnavailableError):
    """The breaker is open: waiting for it here would only gather callers before it."""


class Chain:
    def __init__(
        self,
        links: Mapping[str, Link],
        *,
        draw: Callable[[float, float], float] = random.uniform,
        observe: Callable[[Attempt], None] = lambda attempt: None,
    ) -> None:
        """`draw` gives a random number between two; `observe` is told of every attempt that ended."""
        self._links = links
        self._draw = draw
        self._observe = observe

    async def render(self, journey: Journey, routes: Sequence[Route], judge: Judge) -> Rendered:
        """Ask the routes as the table says; `judge` decides about answers.

        Raises the last error; what all attempts together may have cost stands in its `spent`.
        """
        try:
            answered = await self._along(journey, self._line(journey, routes), judge)
            journey.answered_by = answered.attempt
            if isinstance(answered.answer, ContentError):
                raise answered.answer
        except RouterHubError as error:
            error.spent = journey.spent
            raise
        return Rendered(answered.answer, answered.attempt.upstream, answered.attempt.model)

    def _line(self, journey: Journey, routes: Sequence[Route]) -> list[Route]:
        """The routes in the order in which to ask them, full ones last. Raises InvalidRequestError."""
        line = self._eligible(journey, routes)
        if any(route.weight for route in line):
            # Efraimidis and Spirakis: the first is route i with probability weight_i / sum, and so on.
            line = sorted(line, key=lambda route: -(self._draw(0.0, 1.0) ** (1 / (route.weight or 1))))
        return sorted(line, key=lambda route: self._links[route.upstream].pool.full)

    def _eligible(self, journey: Journey, routes: Sequence[Route]) -> list[Route]:
        """The routes whose upstream honours every field of the request."""
        eligible = []
        for route in routes:
            lacks = self._links[route.upstream].upstream.lacks(journey.order)
            if lacks:
                journey.passed_over[route.upstream] = lacks
            else:
                eligible.append(route)
        if not eligible:
            fields = dict.fromkeys(path for paths in journey.passed_over.values() for path in paths)
            words = "is not supported, with the rest of this request, by any upstream of this model."
            raise InvalidRequestError([Violation(path, f"'{path}' {words}") for path in fields])
        return eligible

    async def _along(self, journey: Journey, line: Sequence[Route], judge: Judge) -> _Answered:
        failure: RouterHubError | None = None
        answered: _Answered | None = None
        for position, route in enumerate(line):
            if journey.owes and not route.may_pay_twice:
                continue
            last = not any(other.may_pay_twice or not journey.owes for other in line[position + 1 :])
            try:
                answered = await self._through(journey, route, judge, alone=last)
            except (UpstreamError, CapacityError) as error:
                failure = error
                journey.owes = journey.owes or (isinstance(error, UpstreamError) and error.spent != "no")
                if isinstance(error, UpstreamRejectedError):
                    break
            else:
                if judge(answered.answer) != "fail_over":
                    return answered
        if answered is not None:  # nothing better came after it
            return answered
        assert failure is not None, "a line is never empty"
        raise failure

    async def _through(self, journey: Journey, route: Route, judge: Judge, *, alone: bool) -> _Answered:
        """One route, with the repeats that cost nothing, and the one that a verdict may ask for."""
        tried = 0
        first: _Answered | None = None
        failure: RouterHubError | None = None
        while True:
            try:
                answered = await self._attempt(journey, route)
            except (UpstreamError, CapacityError) as error:
                # The breaker that this very failure has opened says less than the failure.
                failure = failure if failure and isinstance(error, _LeftAloneError) else error
                pause = self._pause(error, tried)
                tried += 1
                longest = min(journey.patience, LONGEST_WAIT if alone else PATIENCE)
                if pause is not None and pause <= longest and tried <= self._links[route.upstream].retries:
                    await asyncio.sleep(pause)
                elif first is not None:  # an answer that was asked for again is still an answer
                    return first
                else:
                    raise failure from failure.__cause__
            else:
                if first is not None or judge(answered.answer) != "retry":
                    return answered
                first = answered

    def _pause(self, error: RouterHubError, tried: int) -> float | None:
        """Seconds to wait before asking the same upstream again; None where that may cost or cannot help."""
        if error.spent != "no" or isinstance(error, UpstreamMisconfiguredError | _LeftAloneError):
            return None
        if not isinstance(error, REPEATABLE):
            return None
        jittered = self._draw(0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**tried))
        return max(error.retry_after or 0.0, jittered)

    async def _attempt(self, journey: Journey, route: Route) -> _Answered:
        link = self._links[route.upstream]
        order = replace(journey.order, model=route.model)
        async with (
            link.pool.slot(journey.waits_until),
            self._watched(journey, route, link.breaker(route.model)) as watched,
        ):
            attempt = watched.attempt
            try:
                async with asyncio.timeout_at(journey.until):
                    answer: Answer = await link.upstream.render(order)
            except TimeoutError as error:
                raise UpstreamTimeoutError(
                    "The upstream did not answer in time.", spent="possible"
                ) from error
            except ContentError as refusal:
                answer = refusal
            attempt.outcome = answer.reason if isinstance(answer, ContentError) else "OK"
            attempt.spent = "no" if isinstance(answer, ContentError) else "yes"
            watched.answer = answer
            return _Answered(answer, attempt)

    @asynccontextmanager
    async def _watched(self, journey: Journey, route: Route, breaker: Breaker) -> AsyncIterator[_Watched]:
        """Ask the breaker, and tell it, the diary and the observer what came of it."""
        way = breaker.enter()
        if way is None:
            raise _LeftAloneError(
                "The upstream keeps failing and is left alone for a while.",
                retry_after=max(1.0, breaker.opens_in),
            )
        watched = _Watched(Attempt(route.upstream, route.model))
        attempt, number = watched.attempt, len(journey.attempts) + 1
        health: Health = "unknown"
        try:
            await journey.diary.begin(number, attempt)
        except BaseException:
            breaker.leave(way, health)
            raise
        journey.attempts.append(attempt)
        try:
            yield watched
            health = "ok"
        except UpstreamError as error:
            attempt.outcome, attempt.spent = error.reason, error.spent
            health = _health(error)
            raise
        except Exception:
            attempt.outcome = "INTERNAL"
            raise
        finally:
            breaker.leave(way, health)
            journey.diary.ended(number, attempt, watched.answer)
            self._observe(attempt)


def _health(error: UpstreamError) -> Health:
    """Whether the failure speaks against the upstream. One that refuses this request is well."""
    return "ok" if isinstance(error, UpstreamRejectedError | UpstreamRateLimitedError) else "fault"
