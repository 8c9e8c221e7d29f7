"""docs/errors.md says what doors/dialects.py does."""

import json
import re
from typing import Any

import pytest

from routerhub.images.v1 import error_reason_pb2
from routerhub_server import errors
from routerhub_server.doors.dialects import TABLE, Row, http_error, retry_advice
from routerhub_server.errors import (
    InvalidRequestError,
    RateLimitedError,
    RouterHubError,
    Violation,
)
from routerhub_server.upstreams.base import Interface
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0] in TABLE
}


def both(first: object, second: object) -> str:
    """The Gemini door's value, and the OpenAI door's where it differs."""
    return str(first) if first == second else f"{first} / {second}"


def documented(row: Row) -> list[str]:
    return [
        both(row.gemini_grpc or row.grpc, row.grpc),
        both(row.gemini_http or row.http, row.openai_http or row.http),
        row.type,
        row.code or "null",
    ]


def test_every_reason_of_the_contract_is_documented() -> None:
    reasons = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}
    assert set(ROWS) == reasons - {"UNSPECIFIED"}


@pytest.mark.parametrize("reason", TABLE)
def test_row_is_what_callers_get(reason: str) -> None:
    _, *told, _ = ROWS[reason]
    assert told == documented(TABLE[reason])


REPEATABLE = [
    errors.RateLimitedError("m"),
    errors.BudgetExhaustedError("m"),
    errors.OverloadedError("m"),
    errors.ContentBlockedError("m"),
    errors.UpstreamRateLimitedError("m"),
    errors.UpstreamUnavailableError("m"),
    errors.UpstreamTimeoutError("m", spent="possible"),
    errors.UpstreamBadReplyError("m", spent="yes"),
    errors.DeadlineError("m", spent="possible"),
    errors.NoImageError("m"),
    errors.InternalError(),
]


@pytest.mark.parametrize("error", REPEATABLE, ids=lambda error: error.reason)
def test_advice_is_the_documented_one(error: RouterHubError) -> None:
    assert retry_advice(error) is (ROWS[error.reason][-1] == "yes")


EXAMPLES: list[tuple[RouterHubError, Interface]] = [
    (
        InvalidRequestError(
            [
                Violation(
                    "generation_config.seed", "Invalid value at 'generation_config.seed' (TYPE_INT32), \"x\""
                ),
                Violation(
                    "",
                    'Invalid JSON payload received. Unknown name "colour": Cannot find field.',
                    reason="UNKNOWN_FIELD",
                ),
            ]
        ),
        "gemini",
    ),
    (
        InvalidRequestError(
            [
                Violation(
                    "colour",
                    "Unknown parameter: 'colour'.",
                    reason="UNKNOWN_FIELD",
                    code="unknown_parameter",
                )
            ]
        ),
        "openai",
    ),
    (RateLimitedError("10 requests a minute are allowed.", retry_after=2.5), "gemini"),
]


def test_examples_are_real_bodies() -> None:
    shown: list[Any] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert shown == [json.loads(http_error(error, interface).body) for error, interface in EXAMPLES]


def test_limit_example_has_the_documented_header() -> None:
    error, interface = EXAMPLES[-1]
    assert "`retry-after: 3`" in PAGE
    assert ("retry-after", "3") in http_error(error, interface).headers
