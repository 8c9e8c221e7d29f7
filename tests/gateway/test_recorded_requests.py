"""What official SDKs send, replayed byte for byte: accepted or refused as the vendor would."""

import base64
import json
from collections import Counter
from math import isclose
from typing import Any

import httpx
import pytest

from tests.clients.pictures import looks
from tests.conftest import Gateway
from tests.gateway.recordings import RECORDINGS, Recording, listed

REFUSED = listed("refused")
NOT_OURS = listed("not_ours")
ACCEPTED = [recording for recording in RECORDINGS if recording.label not in REFUSED | NOT_OURS]


def of(labels: dict[str, Any]) -> list[Recording]:
    return [recording for recording in RECORDINGS if recording.label in labels]


def label(recording: Recording) -> str:
    return recording.label


@pytest.mark.parametrize("recording", ACCEPTED, ids=label)
def test_recorded_request_is_accepted(gateway: Gateway, recording: Recording) -> None:
    reply = recording.replay(gateway)
    assert reply.status_code == 200, reply.text
    check_headers(reply)
    if recording.method == "GET":
        check_models(recording, reply.json())
    elif recording.path.endswith(":generateContent"):
        check_content(json.loads(recording.body), reply.json())
    else:
        assert recording.path == "/v1/images/generations"
        check_images(json.loads(recording.body), reply.json())


@pytest.mark.parametrize("recording", of(REFUSED), ids=label)
def test_recorded_request_is_refused_in_the_vendors_words(gateway: Gateway, recording: Recording) -> None:
    reply, entry = recording.replay(gateway), REFUSED[recording.label]
    assert reply.status_code == entry["status"]
    check_headers(reply)
    error = check_error(reply, "openai" if "/images/" in recording.path else "gemini")
    assert {name: error[name] for name in ("message", "param", "code") if name in entry} == {
        name: value for name, value in entry.items() if name not in ("status", "reason")
    }


@pytest.mark.parametrize("recording", of(NOT_OURS), ids=label)
def test_recorded_call_that_is_not_ours_is_refused_in_dialect(gateway: Gateway, recording: Recording) -> None:
    reply, entry = recording.replay(gateway), NOT_OURS[recording.label]
    assert reply.status_code == entry["status"]
    check_headers(reply)
    check_error(reply, entry["dialect"])


def test_refusals_and_strangers_are_recordings_and_have_reasons() -> None:
    assert not REFUSED.keys() & NOT_OURS.keys()
    assert REFUSED.keys() | NOT_OURS.keys() <= {recording.label for recording in RECORDINGS}
    assert all(entry["reason"] for entry in [*REFUSED.values(), *NOT_OURS.values()])


def test_every_recording_is_there_once() -> None:
    """263 requests of 215 recordings, the 96 distinct ones sent again."""
    names = Counter(name for recording in RECORDINGS for name in (recording.label, *recording.also))
    assert len(RECORDINGS) == 96
    assert len(names) == 215
    assert set(names.values()) == {1}


def check_headers(reply: httpx.Response) -> None:
    assert reply.headers["content-type"] == "application/json; charset=UTF-8"
    assert reply.headers["x-request-id"]
    assert not [name for name in reply.headers if name.startswith(("grpc-", "x-envoy-"))]
    assert "x-routerhub-status" not in reply.headers


def check_error(reply: httpx.Response, dialect: str) -> dict[str, Any]:
    """The error object, seen to be of this dialect."""
    error: dict[str, Any] = reply.json()["error"]
    if dialect == "gemini":
        assert set(error) == {"code", "message", "status", "details"}
        assert error["code"] == reply.status_code
    else:
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "invalid_request_error"
    return error


def check_models(recording: Recording, body: dict[str, Any]) -> None:
    """Google's shape for google-genai, OpenAI's for openai, on the path that both use as well."""
    google, one = recording.label.startswith("google-genai"), "models_list" not in recording.label
    if one:
        wanted = ("name", "models/gemini-2.5-flash-image") if google else ("id", "openai/gpt-image-2")
        assert body[wanted[0]] == wanted[1]
    elif google:
        assert {"generateContent"} == {model["supportedGenerationMethods"][0] for model in body["models"]}
    else:
        assert body["object"] == "list"
        assert {"model"} == {model["object"] for model in body["data"]}


def check_content(request: dict[str, Any], body: dict[str, Any]) -> None:
    """One image of the ratio that was asked for; a text beside it unless images alone were asked for."""
    config = request.get("generationConfig", {})
    (candidate,) = body["candidates"]
    assert candidate["finishReason"] == "STOP"
    parts = candidate["content"]["parts"]
    assert any("text" in part for part in parts) == ("TEXT" in config.get("responseModalities", ["TEXT"]))
    (blob,) = [part["inlineData"] for part in parts if "inlineData" in part]
    assert blob["mimeType"] == "image/png"
    file_format, (width, height) = looks(base64.b64decode(blob["data"], validate=True))
    assert file_format == "PNG"
    image = config.get("imageConfig", {})
    across, down = map(int, image.get("aspectRatio", "1:1").split(":"))
    assert isclose(width / height, across / down, rel_tol=0.03)  # Google rounds to multiples of 32 pixels
    assert max(width, height) > 512 or image.get("imageSize") == "512"
    assert body["usageMetadata"]["totalTokenCount"] > 0


def check_images(request: dict[str, Any], body: dict[str, Any]) -> None:
    (image,) = body["data"]
    assert looks(base64.b64decode(image["b64_json"], validate=True)) == ("PNG", (1024, 1024))
    assert isinstance(body["created"], int)
    assert not request.keys() - {"model", "prompt"}  # the recordings with more are refused, see refused.yaml
