"""Keys, prompts and images reach the provider, and nobody and nothing else."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes.openai import bad_key
from tests.fakes.pictures import large_picture
from tests.gateway.providers import (
    GOOGLE_PATH,
    OPENAI_PATH,
    Providers,
    bearer,
    content,
    images,
    post,
    providers,
    typed,
    wait_until,
)

PROMPT = "PROMPT-MARKER of a caller"
OPERATORS_KEYS = ("AIza-MARKER-of-the-operator", "sk-MARKER-of-the-operator")
UNKNOWN_KEY = "rh_unknown-MARKER_0123456789abcdefgh"
PICTURE = large_picture(0.01)
"""Noise, so that no piece of it is anywhere by chance."""
PICTURE_BASE64 = base64.b64encode(PICTURE).decode()


@pytest.fixture(scope="module")
def behind() -> Iterator[Providers]:
    with providers() as running:
        running.gemini.key, running.openai.key = OPERATORS_KEYS
        yield running


@pytest.fixture(scope="module")
def talkative(behind: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = {"upstreams": behind.upstreams, "log": {"level": "debug"}}
    with running_gateway(tmp_path_factory.mktemp("talkative"), config) as gateway:
        yield gateway


def google(prompt: Any = PROMPT, data: str = PICTURE_BASE64, **more: Any) -> dict[str, Any]:
    parts = [{"text": prompt}, {"inlineData": {"mimeType": "image/png", "data": data}}]
    return {"contents": [{"parts": parts}], **more}


def openai(prompt: Any = PROMPT, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-image-2", "prompt": prompt, **more}


GOOD = [(GOOGLE_PATH, google()), (OPENAI_PATH, openai())]
BAD = [
    (GOOGLE_PATH, google(unknown=1)),
    (GOOGLE_PATH, google(data=PICTURE_BASE64[:-3] + "!?*")),
    (GOOGLE_PATH, google(generationConfig={"imageConfig": {"aspectRatio": "7:1"}})),
    (GOOGLE_PATH.replace("pro", "no-such"), google()),
    (OPENAI_PATH, openai(n=11)),
    (OPENAI_PATH, openai([PROMPT])),
    (OPENAI_PATH, openai({"text": PROMPT})),
    (OPENAI_PATH, openai(PROMPT * 2000)),
    (OPENAI_PATH, openai(image=PICTURE_BASE64)),
    (OPENAI_PATH, [PROMPT]),
    ("/v1/no-such-path", openai()),
]
BROKEN_BODY = f'{{"model": "gpt-image-2", "prompt": "{PROMPT}", '


def leaks(where: bytes) -> list[str]:
    """The markers that are there."""
    texts = [PROMPT, *OPERATORS_KEYS, UNKNOWN_KEY, PICTURE_BASE64[300:340], PICTURE_BASE64[-60:-20]]
    found = [text for text in texts if text.encode() in where]
    return found + (["the image"] if PICTURE[300:340] in where else [])


def unknown(gateway: Gateway) -> list[httpx.Response]:
    """Calls with a key that nobody made, in every place where a key can stand."""
    url = f"{gateway.http}{OPENAI_PATH}"
    with httpx.Client(trust_env=False) as client:
        return [
            client.post(url, json=openai(), headers={"authorization": f"Bearer {UNKNOWN_KEY}"}),
            client.post(url, json=openai(), headers={"authorization": f"Basic {UNKNOWN_KEY}"}),
            client.post(f"{gateway.http}{GOOGLE_PATH}?key={UNKNOWN_KEY}", json=google()),
            client.get(f"{gateway.http}/v1beta/models", headers={"x-goog-api-key": UNKNOWN_KEY}),
        ]


def state_of(gateway: Gateway) -> list[Path]:
    return [path for path in gateway.state_dir.rglob("*") if path.is_file()]


def test_failing_rest_calls_repeat_no_secret(talkative: Gateway, behind: Providers) -> None:
    """Save a value of the wrong type, which Google quotes to its sender, and so do we; the log never does."""
    asked = behind.asked
    for path, body in BAD:
        reply = post(talkative, path, body)
        assert 400 <= reply.status_code < 500, (path, body)
        assert leaks(reply.content) == [], reply.text[:500]
        assert talkative.key not in reply.text
    reply = httpx.post(
        f"{talkative.http}{OPENAI_PATH}",
        content=BROKEN_BODY,
        headers=dict(bearer(talkative)),
        trust_env=False,
    )
    assert (reply.status_code, leaks(reply.content)) == (400, [])
    for reply in unknown(talkative):
        assert (reply.status_code, leaks(reply.content)) == (401, [])
    assert behind.asked == asked


def test_failing_providers_keys_are_not_repeated(talkative: Gateway, behind: Providers) -> None:
    quoting = bad_key(OPERATORS_KEYS[1])
    behind.openai.next(status=401, body=json.loads(quoting.body))
    behind.gemini.next(status=403, body={"error": {"code": 403, "message": OPERATORS_KEYS[0]}})
    for path, body in GOOD:
        reply = post(talkative, path, body)
        assert (reply.status_code, leaks(reply.content)) == (503, [])
    for said in (
        f"bad key {OPERATORS_KEYS[1]}",
        b"\xff" + PICTURE,
        {"error": {"message": OPERATORS_KEYS[1]}},
    ):
        behind.openai.next(status=500, body=said)
        reply = post(talkative, OPENAI_PATH, openai())
        assert reply.status_code >= 500
        assert leaks(reply.content) == []


def test_typed_calls_repeat_no_secret(talkative: Gateway) -> None:
    requests = [content(PROMPT) for _ in range(2)]
    requests[0].generation_config.image_config.aspect_ratio = "7:1"
    requests[1].contents[0].parts.add().inline_data.data = PICTURE
    with typed(talkative.grpc) as stub:
        for request in requests:
            with pytest.raises(grpc.RpcError) as raised:
                stub.GenerateContent(request, metadata=bearer(talkative), timeout=10)
            assert leaks(repr((raised.value.details(), raised.value.trailing_metadata())).encode()) == []
        with pytest.raises(grpc.RpcError) as raised:
            stub.GenerateImages(images(PROMPT), metadata=(("x-goog-api-key", UNKNOWN_KEY),), timeout=10)
        assert leaks(repr((raised.value.details(), raised.value.trailing_metadata())).encode()) == []


def test_log_metrics_and_state_keep_no_secret(talkative: Gateway, behind: Providers) -> None:
    for path, body in BAD:
        post(talkative, path, body)
    post(talkative, GOOGLE_PATH, google(contents=PROMPT))
    unknown(talkative)
    replies = [post(talkative, path, body) for path, body in GOOD]
    assert [reply.status_code for reply in replies] == [200, 200]
    # What the providers got shows that the markers were there to leak.
    assert len(leaks(behind.gemini.requests[-1].body)) == 3
    assert len(leaks(behind.openai.requests[-1].body)) == 1
    assert behind.openai.requests[-1].headers["authorization"] == f"Bearer {OPERATORS_KEYS[1]}"
    last = f'"request_id":"{replies[-1].headers["x-request-id"]}"'
    wait_until(lambda: last in talkative.log.read_text())  # Envoy's line is written last
    kept = {"metrics": httpx.get(f"{talkative.admin}/metrics", trust_env=False).content}
    kept |= {path.name: path.read_bytes() for path in (talkative.log, *state_of(talkative))}
    assert {"log", "metrics", "routerhub.db", "envoy.yaml"} <= kept.keys()
    assert kept["log"].count(b'"event": "call"') >= len(BAD) + len(GOOD)
    for name, text in kept.items():
        assert leaks(text) == [], name
        assert talkative.key.encode() not in text, name
