"""Money in integers of 1e-9 of the currency's unit: sums are exact, and each line is rounded once."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

NANO = 1_000_000_000
"""Of it make one unit of the currency."""
MILLION = 1_000_000
LARGEST = 2**63 - 1
"""What a database holds."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt."""

    kind: str
    """`text_in`, `image_out`, ... for tokens, `images` for whole images."""
    quantity: int
    price: int
    """In 1e-9 of the unit: of 1,000,000 tokens, or of one image."""
    nano: int
    """What the line comes to, in 1e-9 of the unit."""


def token_line(kind: str, tokens: int, price: int) -> Line:
    """`price` is that of 1,000,000 tokens, in 1e-9 of the unit."""
    return Line(kind, tokens, price, half_up(tokens * price, MILLION))


def image_line(images: int, price: int) -> Line:
    """`price` is that of one image, in 1e-9 of the unit."""
    return Line("images", images, price, images * price)


def half_up(numerator: int, denominator: int) -> int:
    """The quotient of two numbers that are not negative, halves rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)


def parse_money(text: str) -> int:
    """An amount such as `0.039` in 1e-9 of the unit. Raises ValueError.

    It may not be negative, have more than nine decimals, or exceed what a database holds.
    """
    try:
        nano = Decimal(text) * NANO
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not an amount such as 0.039") from error
    if not nano.is_finite() or nano < 0 or nano != nano.to_integral_value() or nano > LARGEST:
        raise ValueError(f"{text!r} is not an amount of at most nine decimals")
    return int(nano)


def format_money(nano: int, currency: str) -> str:
    """`0.039 USD`: without the zeros at its end, and exact."""
    amount = f"{nano // NANO}.{nano % NANO:09}".rstrip("0").rstrip(".")
    return f"{amount} {currency}"
