"""Which route is asked first, and which after it."""

from collections import Counter

import pytest

from routerhub_server.errors import UpstreamMisconfiguredError
from tests.routing.scripted import ScriptedUpstream, Stage, seeded
from tests.routing.warp import run

TIMES = 4000


def orders(weights: tuple[int | None, ...]) -> Counter[str]:
    """How often the routes `abc` were asked in which order, when all of them always fail."""

    async def main() -> Counter[str]:
        broken = UpstreamMisconfiguredError("401")
        upstreams = [ScriptedUpstream(name, otherwise=broken) for name, _ in zip("abc", weights, strict=True)]
        stage = Stage(upstreams, weights=weights, failures=10**9, draw=seeded())
        found: Counter[str] = Counter()
        for _ in range(TIMES):
            journey = stage.journey()
            with pytest.raises(UpstreamMisconfiguredError):
                await stage.render(journey)
            found["".join(attempt.upstream for attempt in journey.attempts)] += 1
        return found

    return run(main())


def test_routes_without_weights_keep_their_order() -> None:
    assert orders((None, None, None)) == {"abc": TIMES}


def test_weights_share_out_the_first_place_and_the_next() -> None:
    found = orders((7, 2, 1))
    shares = {first: sum(found[order] for order in found if order[0] == first) / TIMES for first in "abc"}
    assert shares == pytest.approx({"a": 0.7, "b": 0.2, "c": 0.1}, abs=0.03)
    # Where `a` is first, the other two share its rest as 2 to 1.
    assert found["abc"] / (found["abc"] + found["acb"]) == pytest.approx(2 / 3, abs=0.04)


def test_route_without_weight_among_weighted_ones_weighs_one() -> None:
    found = orders((3, None, None))
    assert sum(found[order] for order in found if order[0] == "a") / TIMES == pytest.approx(0.6, abs=0.03)
