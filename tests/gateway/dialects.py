"""What a body must look like in each dialect."""

from typing import Any

import httpx


def check_google(reply: httpx.Response, code: int, status: str) -> None:
    assert reply.status_code == code
    assert reply.headers["content-type"].startswith("application/json")
    error = reply.json()["error"]
    assert set(error) == {"code", "message", "status"}
    assert (error["code"], error["status"]) == (code, status)
    assert error["message"].endswith(".")


def check_openai(reply: httpx.Response, code: int, kind: str) -> None:
    assert reply.status_code == code
    assert reply.headers["content-type"].startswith("application/json")
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == (kind, None, None)
    assert error["message"].endswith(".")


def check_common(body: Any, status: str) -> None:
    """Legal in both: OpenAI's four keys, and Google's message and status."""
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code", "status"}
    assert (error["status"], error["param"], error["code"]) == (status, None, None)
    assert error["message"].endswith(".")
