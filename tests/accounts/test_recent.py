from datetime import UTC, datetime, timedelta

from routerhub_server.accounts.recent import Recent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_value_is_forgotten_at_the_end_of_its_life() -> None:
    recent = Recent[str, int](SECOND, capacity=2)
    recent.put("a", 1, NOW)
    assert recent.get("a", NOW + 0.999 * SECOND) == 1
    assert recent.get("a", NOW + SECOND) is None


def test_value_from_the_future_is_not_believed() -> None:
    recent = Recent[str, int](SECOND, capacity=2)
    recent.put("a", 1, NOW)
    assert recent.get("a", NOW - SECOND) is None


def test_oldest_value_makes_room() -> None:
    recent = Recent[str, int](SECOND, capacity=2)
    recent.put("a", 1, NOW)
    recent.put("b", 2, NOW)
    recent.put("a", 3, NOW)
    recent.put("c", 4, NOW)
    assert [recent.get(key, NOW) for key in "abc"] == [3, None, 4]
