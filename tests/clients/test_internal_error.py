"""The gateway's own fault, a 500 that no request can provoke on purpose, as the SDKs show it."""

import openai
import pytest
from google.genai import Client, types
from google.genai.errors import ServerError
from openai import AsyncOpenAI

from routerhub_server.doors.dialects import http_error
from routerhub_server.errors import InternalError
from routerhub_server.upstreams.base import Interface
from tests.fakes.server import Answer, FakeServer, Received


class FaultyGateway(FakeServer):
    """Answers every call with the gateway's words for a fault of its own."""

    def __init__(self, interface: Interface) -> None:
        super().__init__(key="")
        self._interface = interface

    def respond(self, request: Received) -> Answer:
        error = http_error(InternalError(), self._interface)
        headers = {"content-type": "application/json", "x-request-id": "fault-1"}
        return Answer(error.status, error.body, headers)


async def test_google_genai_raises_a_server_error() -> None:
    async with FaultyGateway("gemini") as faulty:
        options = types.HttpOptions(base_url=faulty.url)
        async with Client(api_key="rh_any", http_options=options).aio as client:
            with pytest.raises(ServerError) as raised:
                await client.models.generate_content(model="gemini-3-pro-image", contents="a fox")
    error = raised.value
    assert (error.code, error.status, error.message) == (500, "INTERNAL", "An internal error occurred.")


async def test_openai_raises_an_internal_server_error() -> None:
    async with (
        FaultyGateway("openai") as faulty,
        AsyncOpenAI(api_key="rh_any", base_url=f"{faulty.url}/v1", max_retries=0) as client,
    ):
        with pytest.raises(openai.InternalServerError) as raised:
            await client.images.generate(model="gpt-image-2", prompt="a fox")
    error = raised.value
    assert (error.status_code, error.type, error.param, error.code) == (500, "server_error", None, None)
    assert error.request_id == "fault-1"
