"""Times and money, between messages and the server's own values."""

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from routerhub_server.errors import InvalidRequestError, Violation
from routerhub_server.prices import NANO


def invalid(field: str, description: str, reason: str = "INVALID_VALUE") -> InvalidRequestError:
    return InvalidRequestError([Violation(field, description, reason=reason)])


def read_time(message: Message, field: str) -> datetime | None:
    """The Timestamp in the field, in UTC; None where it is absent. Raises InvalidRequestError."""
    if not message.HasField(field):
        return None
    stamp: Any = getattr(message, field)
    try:
        moment: datetime = stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(field, f"{field} is not a time.") from error
    return moment


def read_duration(message: Message, field: str, default: timedelta) -> timedelta:
    """The Duration in the field. Raises InvalidRequestError, also where it is negative."""
    if not message.HasField(field):
        return default
    length: Any = getattr(message, field)
    try:
        duration: timedelta = length.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise invalid(field, f"{field} is not a length of time.") from error
    if duration < timedelta(0):
        raise invalid(field, f"{field} must not be negative.")
    return duration


def write_time(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def read_money(money: Money, currency: str, field: str) -> int:
    """In 1e-9 of the unit. Raises InvalidRequestError for another currency, and for less than nothing."""
    if money.currency_code not in ("", currency):
        raise invalid(f"{field}.currency_code", f"{field} must be in {currency}, the gateway's currency.")
    if money.units < 0 or not 0 <= money.nanos < NANO or money.units >= 2**63 // NANO:
        raise invalid(field, f"{field} is not an amount of money.")
    return money.units * NANO + money.nanos


def write_money(nano: int | None, currency: str) -> Money | None:
    if nano is None:
        return None
    return Money(currency_code=currency, units=nano // NANO, nanos=nano % NANO)
