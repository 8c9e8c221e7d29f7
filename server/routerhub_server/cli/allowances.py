"""Limits and budgets as options take them, and as commands print them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from routerhub_server.accounts import Account, Allowance, Budget, Limits
from routerhub_server.accounts.limits import Period
from routerhub_server.prices import format_money, parse_money

F = TypeVar("F", bound=Callable[..., Any])

PERIODS: tuple[Period, ...] = ("day", "month", "total")
UNITS = {"": 1, "k": 1024, "m": 1024**2}
WORDS = {"rpm": "requests a minute", "images_per_minute": "images a minute", "concurrent": "renders at once"}


@dataclass(frozen=True, slots=True)
class Given:
    """The value of an option that was given; None removes what there was."""

    value: Any


def _number(_: Any, __: Any, text: str | None) -> Given | None:
    """Read a positive number, or `none`."""
    if text is None or text == "none":
        return None if text is None else Given(None)
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise click.BadParameter(f"{text!r} is not a positive number, or none")
    return Given(int(text))


def _size(_: Any, __: Any, text: str | None) -> Given | None:
    """Read `20000000`, `20M`, `500k`, or `none`."""
    if text is None or text == "none":
        return None if text is None else Given(None)
    match = re.fullmatch(r"([1-9]\d{0,11})([kKmM]?)", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size like 20000000, 500k, 20M, or none")
    return Given(int(match[1]) * UNITS[match[2].lower()])


def _budget(_: Any, __: Any, text: str | None) -> Given | None:
    """Read `50/month`, or `none`."""
    if text is None or text == "none":
        return None if text is None else Given(None)
    amount, _slash, named = text.partition("/")
    period = next((known for known in PERIODS if known == named), None)
    try:
        if period is not None:
            return Given(Budget(parse_money(amount), period))
    except ValueError:
        pass
    raise click.BadParameter(f"{text!r} is not a budget like 50/month, 2.50/day, 1000/total, or none")


def _model_limits(_: Any, __: Any, texts: Sequence[str]) -> dict[str, Limits | None]:
    """Read `openai/*:rpm=5,concurrent=2` or `openai/*:none`, each."""
    return dict(map(_of_pattern, texts))


def _of_pattern(text: str) -> tuple[str, Limits | None]:
    pattern, _, listed = text.rpartition(":")
    if pattern and listed == "none":
        return pattern, None
    pairs = dict(pair.partition("=")[::2] for pair in listed.split(","))
    try:
        values = {name.strip().replace("-", "_"): int(value) for name, value in pairs.items()}
        if pattern:
            return pattern, Limits.of(values)
    except ValueError:
        pass
    raise click.BadParameter(
        f"{text!r} is not like 'openai/*:rpm=5,images-per-minute=10,concurrent=2', or 'openai/*:none'"
    )


def _patterns(_: Any, __: Any, texts: Sequence[str]) -> tuple[str, ...] | None:
    """Read patterns, separated by commas or given one by one; None where there are none."""
    return tuple(pattern for text in texts for pattern in text.split(",")) or None


OPTIONS = (
    click.option(
        "--models",
        multiple=True,
        callback=_patterns,
        help="Pattern of model ids; repeatable.  [default: all]",
    ),
    click.option("--rpm", callback=_number, metavar="N", help="Requests in any 60 seconds."),
    click.option("--images-per-minute", callback=_number, metavar="N", help="Images in any 60 seconds."),
    click.option("--concurrent", callback=_number, metavar="N", help="Renders at once."),
    click.option("--body-bytes", callback=_size, metavar="SIZE", help="Largest request, e.g. 20M."),
    click.option(
        "--budget", callback=_budget, metavar="AMOUNT/PERIOD", help="E.g. 50/month; also day and total."
    ),
    click.option(
        "--model-limit",
        "model_limits",
        multiple=True,
        callback=_model_limits,
        metavar="PATTERN:LIMITS",
        help="For some models together, e.g. 'openai/*:rpm=5,concurrent=2'; repeatable.",
    ),
    click.option(
        "--provider-ids/--no-provider-ids",
        default=None,
        help="Whether requests may name the operator's files and caches at a provider."
        "  [default: only while there is one account]",
    ),
)


def allowance_options(command: F) -> F:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def changed(account: Account, options: Mapping[str, Any]) -> Account:
    """The account with what the options say; those not given change nothing."""
    allowance = account.allowance
    limits = {
        name: options[name].value for name in ("rpm", "images_per_minute", "concurrent") if options[name]
    }
    more = {name: options[name].value for name in ("body_bytes", "budget") if options[name]}
    models = {**allowance.models, **options["model_limits"]}
    allowance = replace(
        allowance,
        limits=replace(allowance.limits, **limits),
        models={pattern: of_pattern for pattern, of_pattern in models.items() if of_pattern is not None},
        **more,
    )
    patterns = account.models if options["models"] is None else options["models"]
    provider_ids = options["provider_ids"]
    return replace(
        account,
        models=() if patterns == ("*",) else patterns,
        allowance=allowance,
        provider_ids_allowed=account.provider_ids_allowed if provider_ids is None else provider_ids,
    )


def described(allowance: Allowance) -> dict[str, Any]:
    """As JSON has it, the budget aside."""
    return {
        **{name: getattr(allowance.limits, name) for name in WORDS},
        "body_bytes": allowance.body_bytes,
        "model_limits": {pattern: limits.values() for pattern, limits in allowance.models.items()},
    }


def in_words(allowance: Allowance) -> Iterator[str]:
    """Its limits, a line for each pattern of models, the budget aside."""
    lines = [_words(allowance.limits)]
    if allowance.body_bytes is not None:
        lines = [", ".join(filter(None, (*lines, f"requests of {allowance.body_bytes:,} bytes")))]
    lines += [f"{pattern}: {_words(limits)}" for pattern, limits in allowance.models.items()]
    yield from filter(None, lines)


def budget_in_words(budget: Budget, currency: str) -> str:
    period = "in total" if budget.period == "total" else f"a {budget.period}"
    return f"{format_money(budget.nano, currency)} {period}"


def _words(limits: Limits) -> str:
    return ", ".join(f"{number} {WORDS[name]}" for name, number in limits.values().items())
