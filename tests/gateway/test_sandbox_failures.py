"""Failures that prompts ask of the sandbox."""

from tests.conftest import Gateway
from tests.gateway.providers import OPENAI_BODY, OPENAI_PATH, post


def test_failures_that_one_caller_asks_for_leave_the_sandbox_to_others(gateway: Gateway) -> None:
    failing = OPENAI_BODY | {"prompt": "a cat [sandbox:error=500]"}
    assert [post(gateway, OPENAI_PATH, failing).status_code for _ in range(10)] == [503] * 10
    assert post(gateway, OPENAI_PATH, OPENAI_BODY).status_code == 200
