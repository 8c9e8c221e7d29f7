"""What providers answer: their bytes to REST callers, typed messages to gRPC."""

import base64
from typing import Any

import pytest

from tests.clients.pictures import square
from tests.conftest import Gateway
from tests.gateway.providers import (
    GOOGLE_BODY,
    GOOGLE_PATH,
    OPENAI_BODY,
    OPENAI_PATH,
    Providers,
    bearer,
    content,
    images,
    post,
    typed,
)

PICTURE = square("red")
DATA = base64.b64encode(PICTURE).decode()

# Laid out as no encoder of ours would do it, with fields, numbers and texts that our protos do not know.
GOOGLE_REPLY = """{
  "candidates" : [ { "finishReason": "PAINTED_OVER", "content": {"role":"model", "parts": [
      {"inlineData": {"mimeType": "image/png", "data": "%s", "hue": 1e3}, "mood": "h\\u00e4ppy / \\/"} ]},
    "future": {"deep": [ null, {"er": -0.0} ]} } ],
  "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 1303, "dreamTokenCount": 12345678901234567890},
  "modelVersion": "gemini-of-tomorrow", "responseId": "r-1", "größe": "日本"
}

"""
OPENAI_REPLY = """{
  "created": 1760000000 ,"mood":"h\\u00e4ppy", "data": [ {"b64_json":"%s" , "future" : [1.50, null]} ],
  "usage": {"total_tokens": 7, "input_tokens": 3, "output_tokens": 4, "dream_tokens": 12345678901234567890},
  "größe": "日本"
}
"""


@pytest.mark.parametrize("transport", [{}, {"gzip": True}, {"chunked": True}, {"drip": (100, 0.001)}])
def test_rest_callers_get_geminis_bytes(
    served: Gateway, behind: Providers, transport: dict[str, Any]
) -> None:
    sent = (GOOGLE_REPLY % DATA).encode()
    behind.gemini.next(status=200, body=sent, headers={"content-type": "application/json"}, **transport)
    reply = post(served, GOOGLE_PATH, GOOGLE_BODY)
    assert (reply.status_code, reply.content) == (200, sent)


@pytest.mark.parametrize("transport", [{}, {"gzip": True}, {"chunked": True}, {"drip": (100, 0.001)}])
def test_rest_callers_get_openais_bytes(
    served: Gateway, behind: Providers, transport: dict[str, Any]
) -> None:
    sent = (OPENAI_REPLY % DATA).encode()
    behind.openai.next(status=200, body=sent, headers={"content-type": "application/json"}, **transport)
    reply = post(served, OPENAI_PATH, OPENAI_BODY)
    assert (reply.status_code, reply.content) == (200, sent)


def test_rest_callers_get_no_header_of_the_provider(served: Gateway, behind: Providers) -> None:
    theirs = {
        "set-cookie": "a=b",
        "openai-organization": "acme",
        "server": "gws",
        "x-request-id": "req_1",
    }
    behind.openai.next(headers=theirs)
    reply = post(served, OPENAI_PATH, OPENAI_BODY)
    assert reply.status_code == 200
    assert not {"set-cookie", "openai-organization"} & set(reply.headers)
    assert reply.headers["server"] == "routerhub"
    assert reply.headers["x-request-id"] != "req_1"
    assert reply.headers["content-type"] == "application/json; charset=UTF-8"


def test_a_blocked_prompt_reaches_rest_callers_as_google_says_it(served: Gateway, behind: Providers) -> None:
    sent = b'{"promptFeedback": {"blockReason": "NEW_REASON"}, "usageMetadata": {"promptTokenCount": 3}}'
    behind.gemini.next(status=200, body=sent, headers={"content-type": "application/json"})
    reply = post(served, GOOGLE_PATH, GOOGLE_BODY)
    assert (reply.status_code, reply.content) == (200, sent)


@pytest.mark.parametrize("through_envoy", [False, True])
@pytest.mark.parametrize(
    "data", [DATA, DATA.rstrip("="), base64.urlsafe_b64encode(PICTURE).decode()], ids=("", "bare", "url")
)
def test_typed_callers_get_geminis_image_as_bytes(
    served: Gateway, behind: Providers, data: str, through_envoy: bool
) -> None:
    behind.gemini.next(status=200, body=(GOOGLE_REPLY % data).encode())
    with typed(served.host if through_envoy else served.grpc) as stub:
        reply = stub.GenerateContent(content(), metadata=bearer(served), timeout=30)
    (candidate,) = reply.candidates
    (part,) = candidate.content.parts
    assert part.inline_data.data == PICTURE
    assert candidate.finish_reason == "PAINTED_OVER"
    assert (reply.model_version, reply.usage_metadata.total_token_count) == ("gemini-of-tomorrow", 1303)


@pytest.mark.parametrize("through_envoy", [False, True])
def test_typed_callers_get_openais_image_as_bytes(
    served: Gateway, behind: Providers, through_envoy: bool
) -> None:
    behind.openai.next(status=200, body=(OPENAI_REPLY % DATA).encode())
    with typed(served.host if through_envoy else served.grpc) as stub:
        reply = stub.GenerateImages(images(), metadata=bearer(served), timeout=30)
    assert [image.b64_json for image in reply.data] == [PICTURE]
    assert (reply.created, reply.usage.total_tokens) == (1_760_000_000, 7)
