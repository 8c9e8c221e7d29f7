"""The bytes that a process holds, whatever becomes of its calls."""

import pytest

from routerhub_server.capacity import ByteBudget, Lease
from routerhub_server.errors import OverloadedError


def test_lease_gives_back_what_it_held() -> None:
    budget = ByteBudget(100)
    with budget.lease() as lease:
        lease.add(60)
        lease.add(40)
        assert (budget.held, lease.held) == (100, 100)
    assert budget.held == 0


def test_too_much_is_refused_and_counts_for_nothing() -> None:
    budget = ByteBudget(100)
    with budget.lease() as first, budget.lease() as second:
        first.add(60)
        with pytest.raises(OverloadedError) as caught:
            second.add(41)
        assert (caught.value.retry_after, caught.value.spent) == (1, "no")
        assert (budget.held, second.held) == (60, 0)
        second.add(40)
    assert budget.held == 0


def test_paid_bytes_are_never_refused_but_keep_others_out() -> None:
    budget = ByteBudget(100)
    with budget.lease() as paid, budget.lease() as other:
        paid.note(500)
        assert budget.held == 500
        with pytest.raises(OverloadedError):
            other.add(1)
    with budget.lease() as next_:
        next_.add(100)


def test_failing_calls_give_back_too() -> None:
    budget = ByteBudget(1000)

    def call(pieces: list[int]) -> None:
        with budget.lease() as lease:
            for size in pieces:
                lease.add(size)
            lease.note(5000)
            raise ZeroDivisionError

    for pieces, error in [
        ([300, 400], ZeroDivisionError),
        ([300, 400, 301], OverloadedError),
        ([], ZeroDivisionError),
    ]:
        with pytest.raises(error):
            call(pieces)
    assert budget.held == 0


def test_lease_of_no_budget_bounds_nothing() -> None:
    Lease().add(2**60)
    Lease().note(2**60)
