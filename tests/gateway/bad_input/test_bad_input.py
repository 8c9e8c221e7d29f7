"""Bad input through real Envoy: the exact status and body of each case, in the dialect of its door."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import KEY, Gateway
from tests.gateway.bad_input.cases import CASES, Case

EXPECTED = json.loads(Path(__file__).with_name("expected.json").read_text())


def send(gateway: Gateway, case: Case) -> tuple[int, str, Any]:
    """The status, content type and JSON body that came back; `http.client` because it mends nothing."""
    headers = {"content-type": "application/json"}
    if case.key:
        headers[case.key] = f"Bearer {KEY}" if case.key == "authorization" else KEY
    connection = http.client.HTTPConnection(gateway.host, timeout=30)
    try:
        connection.request(case.method, case.path, case.body, headers | case.headers)
        response = connection.getresponse()
        body = json.loads(response.read())
        assert response.getheader("x-request-id")
        return response.status, response.getheader("content-type", ""), body
    finally:
        connection.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input_is_refused_in_dialect(gateway: Gateway, case: Case) -> None:
    status, content_type, body = send(gateway, case)
    assert content_type == "application/json; charset=UTF-8"
    assert [status, body] == EXPECTED[case.id]
    assert 400 <= status < 500


def test_every_expectation_has_its_case() -> None:
    assert set(EXPECTED) == {case.id for case in CASES}
