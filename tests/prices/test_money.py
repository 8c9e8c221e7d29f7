from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerhub_server.prices import format_money, parse_money
from routerhub_server.prices.money import half_up, token_line


@pytest.mark.parametrize(
    ("text", "nano"),
    [("0", 0), ("0.039", 39_000_000), ("50", 50_000_000_000), ("0.000000001", 1), ("1e-3", 1_000_000)],
)
def test_amount_is_read_exactly(text: str, nano: int) -> None:
    assert parse_money(text) == nano


@pytest.mark.parametrize("text", ["", "x", "-1", "NaN", "inf", "0.0000000001", "1e10"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        parse_money(text)


@given(st.integers(0, 2**63 - 1))
def test_amount_is_printed_as_it_is_read(nano: int) -> None:
    assert parse_money(format_money(nano, "USD").removesuffix(" USD")) == nano


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_quotient_is_off_by_half_at_most_and_halves_go_up(numerator: int, denominator: int) -> None:
    error = Fraction(half_up(numerator, denominator)) - Fraction(numerator, denominator)
    assert Fraction(-1, 2) < error <= Fraction(1, 2)


def test_line_is_rounded_once() -> None:
    assert token_line("text_in", 1, 1_499_999).nano == 1
    assert token_line("text_in", 1, 1_500_000).nano == 2
    assert token_line("image_out", 1120, 120_000_000_000).nano == 134_400_000
