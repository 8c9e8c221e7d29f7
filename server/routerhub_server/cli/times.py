"""Times as options take them, and as commands print them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration(_: Any, __: Any, value: str | None) -> timedelta | None:
    """Read `90d`, `12h`, `30m` or `0`."""
    try:
        return None if value is None else timedelta(0) if value == "0" else _length(value)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{value!r} is not a length of time like 90d, 12h, 30m or 0") from error


def expiry(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """Read `90d`, `12h`, `30m` from now, or an ISO 8601 date or time, in UTC unless it says otherwise."""
    return _moment(value, 1)


def past(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """As `expiry`, but so long ago."""
    return _moment(value, -1)


def _moment(value: str | None, sign: int) -> datetime | None:
    if value is None:
        return None
    try:
        if re.fullmatch(r"\d+[dhm]", value):
            return datetime.now(UTC) + sign * _length(value)
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{value!r} is not a time like 90d, 12h, 30m or 2030-12-31") from error


def _length(value: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([dhm])", value)
    if match is None:
        raise ValueError(value)
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def iso(moment: datetime | None, timespec: str = "seconds") -> str | None:
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z") if moment else None


def minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
