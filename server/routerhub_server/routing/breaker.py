"""The circuit breaker: an upstream that keeps failing is left alone for a while.

closed --(failures in a row)--> open --(time passes)--> half-open --(the probe succeeds)--> closed
                                  ^------------------------(the probe fails)-----'
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "half_open", "open"]
Health = Literal["ok", "fault", "unknown"]
"""`unknown`: the attempt said nothing of the upstream's health, a cancelled one for example."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave for one call to go through."""

    era: int
    """How often the breaker had opened or closed by then: what an older call shows is old news."""
    probe: bool


class Breaker:
    """For one upstream and model. Half-open lets exactly one call through at a time, the probe."""

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float]) -> None:
        """Opens after `failures` faults in a row, for `seconds` on the monotonic `clock`."""
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._faults = 0
        self._era = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        if self._open_until is None:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    @property
    def opens_in(self) -> float:
        """Seconds until a call may probe; 0 unless open."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    def enter(self) -> Pass | None:
        """Leave to go through now, or None where a call may not. Every pass is given back to `leave`."""
        state = self.state
        if state == "open" or self._probing:
            return None
        self._probing = state == "half_open"
        return Pass(self._era, self._probing)

    def leave(self, way: Pass, health: Health) -> None:
        """What a call that went through has shown."""
        if way.probe:
            self._probing = False
        if way.era == self._era and health != "unknown":
            self._count(health, probe=way.probe)

    def _count(self, health: Health, *, probe: bool) -> None:
        self._faults = 0 if health == "ok" else self._faults + 1
        if health == "ok" and probe:
            self._open_until = None
            self._era += 1
        elif probe or self._faults >= self._limit:
            self._open_until = self._clock() + self._seconds
            self._era += 1
