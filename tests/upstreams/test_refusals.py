"""What all providers' refusals have in common."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from routerhub_server.upstreams.refusals import Refusal, short, words_of


def refusal(headers: dict[str, str] | None = None, body: bytes = b"", status: int = 429) -> Refusal:
    return Refusal(status, headers or {}, body)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 -0000"}, 0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_or_ignored(headers: dict[str, str], seconds: float | None) -> None:
    assert refusal(headers).retry_after == seconds


def test_retry_after_as_a_date_is_counted_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    retry_after = refusal({"retry-after": date}).retry_after
    assert retry_after is not None
    assert 55 < retry_after <= 60


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("application/json", b'{"error": {"message": "No.\\nNever."}}', "No.\nNever."),
        ("application/json", b'[{"error": {"message": "No."}}]', "No."),
        ("application/json", b'{"error": "No."}', "No."),
        ("application/json", b'{"message": "No."}', "No."),
        ("text/html", b'{"error": {"message": "Mislabelled."}}', "Mislabelled."),
        ("text/plain; charset=utf-8", b"upstream connect  error\n", "upstream connect error"),
        ("text/html", b"<html>secret host name</html>", None),
        ("application/json", b'{"error": {"message": 7}}', None),
        ("application/json", b'{"error": null}', None),
        ("application/json", b'{"error": {"mess', None),
        ("application/json", b"[" * 100_000, None),
        ("application/json", b"[]", None),
        ("application/json", b"\xff\xfe", None),
        ("", b"", None),
    ],
)
def test_words_are_the_providers_or_ours(content_type: str, body: bytes, words: str | None) -> None:
    ours = "The upstream answered 413 and did not say why."
    assert words_of(refusal({"content-type": content_type}, body, 413)) == (words or ours)


def test_short_makes_one_printable_line_of_limited_length() -> None:
    assert short(" a\tb\r\n\x00\x1b[31mc ") == "a b [31mc"
    assert short("x" * 1000, 10) == "x" * 9 + "…"
    assert short("x" * 10, 10) == "x" * 10
