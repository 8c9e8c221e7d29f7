"""What the doors read from headers, and what they refuse to."""

import pytest

from routerhub_server.doors.metadata import Metadata, credential, interface_of
from routerhub_server.errors import UnauthenticatedError


@pytest.mark.parametrize(
    ("headers", "google_header", "expected"),
    [
        ([("authorization", "Bearer rh_a")], True, "rh_a"),
        ([("authorization", "bearer  rh_a ")], False, "rh_a"),
        ([("x-goog-api-key", " rh_b ")], True, "rh_b"),
        ([("authorization", "Bearer rh_a"), ("x-goog-api-key", "rh_b")], True, "rh_a"),
        ([("authorization", "Basic eDp5"), ("x-goog-api-key", "rh_b")], True, "rh_b"),
    ],
)
def test_credential_is_found(headers: list[tuple[str, str]], google_header: bool, expected: str) -> None:
    assert credential(Metadata(headers), google_header=google_header) == expected


def test_missing_key_is_refused_with_the_way_to_send_it() -> None:
    with pytest.raises(UnauthenticatedError, match="x-goog-api-key"):
        credential(Metadata([]), google_header=True)
    with pytest.raises(UnauthenticatedError, match=r"`Authorization: Bearer rh_...`\.$"):
        credential(Metadata([("x-goog-api-key", "rh_b")]), google_header=False)


def test_key_in_the_url_is_refused_with_the_reason() -> None:
    metadata = Metadata([("x-envoy-original-path", "/v1/models?a=1&key=rh_secret")])
    with pytest.raises(UnauthenticatedError, match="URLs end up in logs") as refusal:
        credential(metadata, google_header=True)
    assert "rh_secret" not in refusal.value.message


def test_other_authorization_scheme_is_named() -> None:
    with pytest.raises(UnauthenticatedError, match="Bearer"):
        credential(Metadata([("authorization", "Basic eDp5")]), google_header=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("13", 13.0), ("0.5", 0.5), ("0", None), ("-1", None), ("1e9", None), ("nan", None), ("x", None)],
)
def test_number_takes_positive_decimals_alone(value: str, expected: float | None) -> None:
    assert Metadata([("x-server-timeout", value)]).number("x-server-timeout") == expected


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/v1beta/models/x:generateContent", [], "gemini"),
        ("/v1/models/x:generateContent", [], "gemini"),
        ("/models/x:generateContent", [], "gemini"),
        ("/v1/images/generations", [("x-goog-api-key", "k")], "openai"),
        ("/v1/models", [("x-goog-api-key", "k")], "gemini"),
        ("/v1/models", [], "openai"),
        ("/nowhere", [], "openai"),
    ],
)
def test_interface_follows_path_then_key_header(
    path: str, headers: list[tuple[str, str]], expected: str
) -> None:
    assert interface_of(path, Metadata(headers)) == expected
