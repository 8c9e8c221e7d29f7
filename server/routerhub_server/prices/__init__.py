"""What a render will cost at most, and what it has cost: prices as data, money in integers."""

from routerhub_server.prices.book import PriceBook, load_prices
from routerhub_server.prices.entry import PriceError
from routerhub_server.prices.money import NANO, Line, format_money, parse_money
from routerhub_server.prices.pricing import Cost, Estimate, cost, estimate
from routerhub_server.prices.tokens import Tokens, read_tokens

__all__ = [
    "NANO",
    "Cost",
    "Estimate",
    "Line",
    "PriceBook",
    "PriceError",
    "Tokens",
    "cost",
    "estimate",
    "format_money",
    "load_prices",
    "parse_money",
    "read_tokens",
]
