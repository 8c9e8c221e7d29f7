"""The dearest that a request can become, and what an answer has cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from routerhub_server.catalogue import Model, Route
from routerhub_server.prices.book import PriceBook
from routerhub_server.prices.entry import Price, by_tier
from routerhub_server.prices.money import Line, image_line, token_line
from routerhub_server.prices.requested import Requested, delivered_tier, read_request
from routerhub_server.prices.tokens import Tokens, read_tokens
from routerhub_server.upstreams.base import Facts, Request

Flag = Literal["estimated", "unpriced", "assumed"]
"""Why a cost is not what the provider counted: it counted nothing, the price is unknown, or it is a guess."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one attempt may cost at most."""

    nano: int | None
    """In 1e-9 of the unit; None where a route's price is not known."""
    tier: str
    """As asked for: `1K`, `high 1024x1024`, `auto`."""
    images: int
    """As asked for; 0 of a model that only writes."""

    @property
    def known(self) -> bool:
        return self.nano is not None


@dataclass(frozen=True, slots=True)
class Cost:
    """What one attempt has cost."""

    nano: int | None
    """In 1e-9 of the unit; None: the price is not known."""
    tier: str
    """As delivered."""
    tokens: Tokens | None = None
    """None: the provider did not say."""
    lines: tuple[Line, ...] = ()
    """They add up to `nano`; empty where that is an estimate or not known."""
    flags: tuple[Flag, ...] = ()


def estimate(book: PriceBook, request: Request, model: Model, at: datetime) -> Estimate:
    """The dearest that the request allows at any route of the model; `auto` is the dearest tier."""
    asked = read_request(request)
    images = 0 if model.model_class == "gemini-text" else asked.images
    found = [_most(_price(book, model, route, at), asked, images) for route in model.routes]
    known = [nano for nano in found if nano is not None]
    return Estimate(max(known) if len(known) == len(found) else None, asked.tier, images)


def cost(book: PriceBook, facts: Facts, request: Request, model: Model, route: Route, at: datetime) -> Cost:
    """What the answer has cost that `route` gave. `at` is when the attempt began: its prices hold."""
    tokens = read_tokens(facts, model.interface)
    tier = delivered_tier(request, facts)
    price = _price(book, model, route, at)
    if price is None:
        return Cost(None, tier, tokens, flags=("unpriced",))
    lines = _lines(price, facts, request, tokens)
    if lines is None:
        images = 0 if model.model_class == "gemini-text" else max(facts.images, 1)
        nano = _most(price, read_request(request), images)
        return Cost(nano, tier, tokens, flags=("estimated",) if nano is not None else ("unpriced",))
    assumed = not price.tokens and not price.images
    return Cost(sum(line.nano for line in lines), tier, tokens, lines, ("assumed",) if assumed else ())


def _price(book: PriceBook, model: Model, route: Route, at: datetime) -> Price | None:
    # An Azure deployment has a name of the operator's own; the model behind it is the catalogue's.
    return book.find(route.upstream, (route.model, model.id), at)


def _lines(price: Price, facts: Facts, request: Request, tokens: Tokens | None) -> tuple[Line, ...] | None:
    """The lines of a receipt; None where what the provider said is not enough for them."""
    if price.images:
        each = _image_price(price, read_request(request))
        counts = () if tokens is None else _token_lines(price, tokens, without="image_out")
        return None if each is None or counts is None else (image_line(facts.images, each), *counts)
    if price.tokens:
        return None if tokens is None else _token_lines(price, tokens)
    return None if price.assume is None else (image_line(facts.images, price.assume),)


def _token_lines(price: Price, tokens: Tokens, *, without: str = "") -> tuple[Line, ...] | None:
    counts = {kind: count for kind, count in tokens.counts().items() if count and kind != without}
    if not price.tokens:
        return ()
    prices = {kind: price.per_million(kind) for kind in counts}
    if None in prices.values():
        return None
    return tuple(token_line(kind, count, prices[kind] or 0) for kind, count in counts.items())


def _image_price(price: Price, asked: Requested) -> int | None:
    """Of one image at the dearest tier that was asked for; None where the tier has no price."""
    found = by_tier(dict(price.images), _qualities(asked), asked.size)
    return max(found, default=price.assume)


def _most(price: Price | None, asked: Requested, images: int) -> int | None:
    """The dearest that `images` images, and what comes with them, can cost."""
    if price is None:
        return None
    each = _most_of_one_image(price, asked) if images else 0
    lines = [] if not price.tokens else [*_most_of_text(price, asked, max(images, 1))]
    if each is None or None in lines:
        return None
    return images * each + sum(line for line in lines if line)


def _most_of_one_image(price: Price, asked: Requested) -> int | None:
    if price.images:
        return _image_price(price, asked)
    tokens = by_tier(dict(price.image_tokens), _qualities(asked), asked.size)
    each = price.per_million("image_out")
    if not tokens or each is None:
        return price.assume
    return token_line("image_out", max(tokens), each).nano


def _most_of_text(price: Price, asked: Requested, answers: int) -> Iterator[int | None]:
    for kind, count in (
        ("text_in", asked.text_tokens),
        ("image_in", asked.input_images * price.input_image_tokens),
        ("text_out", answers * price.text_out_tokens),
    ):
        each = price.per_million(kind)
        yield 0 if not count else None if each is None else token_line(kind, count, each).nano


def _qualities(asked: Requested) -> tuple[str, ...]:
    return (asked.quality,) if asked.quality else ()
