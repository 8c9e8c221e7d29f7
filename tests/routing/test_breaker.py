import pytest

from routerhub_server.routing import Breaker
from routerhub_server.routing.breaker import Pass


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(3, 30, clock)


def enter(breaker: Breaker) -> Pass:
    way = breaker.enter()
    assert way is not None
    return way


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.leave(enter(breaker), "fault")


def test_closed_lets_everybody_through(breaker: Breaker) -> None:
    assert [enter(breaker).probe for _ in range(100)] == [False] * 100
    assert (breaker.state, breaker.opens_in) == ("closed", 0)


def test_faults_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert (breaker.state, breaker.opens_in) == ("closed", 0)
    fail(breaker)
    assert (breaker.state, breaker.opens_in) == ("open", 30)
    assert breaker.enter() is None


def test_success_between_faults_keeps_it_closed(breaker: Breaker) -> None:
    for _ in range(5):
        fail(breaker, 2)
        breaker.leave(enter(breaker), "ok")
    assert breaker.state == "closed"


def test_unknown_neither_counts_nor_forgives(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.leave(enter(breaker), "unknown")
    assert not breaker.opens_in
    fail(breaker)
    assert breaker.state == "open"


def test_half_open_lets_exactly_one_through(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 29.9
    assert breaker.enter() is None
    clock.now += 0.1
    assert breaker.state == "half_open"
    passes = [breaker.enter() for _ in range(200)]
    assert [way for way in passes if way] == [Pass(era=1, probe=True)]


def test_probe_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 30
    breaker.leave(enter(breaker), "ok")
    assert breaker.state == "closed"
    fail(breaker, 2)  # what was before is forgiven
    assert breaker.state == "closed"


def test_probe_that_fails_opens_it_for_another_while(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 30
    breaker.leave(enter(breaker), "fault")
    assert (breaker.state, breaker.opens_in) == ("open", 30)
    clock.now += 30
    assert enter(breaker).probe


def test_probe_that_shows_nothing_lets_the_next_one_probe(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 30
    breaker.leave(enter(breaker), "unknown")
    assert breaker.state == "half_open"
    assert enter(breaker).probe


@pytest.mark.parametrize("health", ["ok", "fault"])
def test_calls_from_before_the_opening_change_nothing(breaker: Breaker, clock: Clock, health: str) -> None:
    stragglers = [enter(breaker) for _ in range(10)]
    fail(breaker, 3)
    for way in stragglers[:5]:
        breaker.leave(way, "ok" if health == "ok" else "fault")
    assert (breaker.state, breaker.opens_in) == ("open", 30)
    clock.now += 30
    breaker.leave(enter(breaker), "ok")
    for way in stragglers[5:]:
        breaker.leave(way, "ok" if health == "ok" else "fault")
    assert breaker.state == "closed"
    fail(breaker, 2)
    assert breaker.state == "closed"
