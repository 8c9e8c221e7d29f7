"""`routerhub check`, with and without `--probe`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.fakes.threads import in_thread

UNACCEPTED = "The upstream does not accept the gateway's credentials."


@pytest.fixture
def gemini() -> Iterator[FakeGemini]:
    with in_thread(FakeGemini()) as fake:
        yield fake


@pytest.fixture
def openai() -> Iterator[FakeOpenAI]:
    with in_thread(FakeOpenAI()) as fake:
        yield fake


def check(tmp_path: Path, config: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "routerhub_server", "check", "--config", str(file), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={}, check=False, timeout=60
    )


def upstream(kind: str, fake: FakeGemini | FakeOpenAI, **more: str) -> dict[str, str]:
    return {"kind": kind, "base_url": fake.base_url, "api_key": fake.key, **more}


def model(id_: str, *routes: tuple[str, str]) -> dict[str, Any]:
    return {"id": id_, "routes": [{"upstream": name, "model": asked} for name, asked in routes]}


def test_configuration_is_described_without_asking_anybody(tmp_path: Path, gemini: FakeGemini) -> None:
    done = check(tmp_path, {"upstreams": {"gemini": upstream("gemini", gemini)}})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "upstream gemini: gemini, with a key"
    assert "model google/gemini-3.1-flash-image: gemini/gemini-3.1-flash-image" in lines
    assert lines[-1] == "configuration is valid"
    assert gemini.requests == []


def test_probe_says_of_each_upstream_and_model_how_it_went(
    tmp_path: Path, gemini: FakeGemini, openai: FakeOpenAI
) -> None:
    config = {
        "upstreams": {
            "gone": {"kind": "openai", "base_url": "http://127.0.0.1:1/v1"},
            "paint": upstream("openai", openai),
            "shut": upstream("gemini", gemini, api_key="wrong"),
            "spare": upstream("gemini", gemini),
        },
        "models": [
            model("openai/gpt-image-2", ("paint", "gpt-image-2"), ("gone", "gpt-image-2")),
            model("openai/gpt-image-1.5", ("paint", "gpt-image-0")),
            model("google/gemini-3-pro-image", ("shut", "gemini-3-pro-image")),
        ],
    }
    done = check(tmp_path, config, "--probe")
    assert done.returncode == 1
    assert [line.split(": ", 1) for line in done.stdout.splitlines() if line.startswith("probe ")] == [
        [
            "probe gone/gpt-image-2",
            "The upstream could not be reached. (ConnectError('All connection attempts failed'))",
        ],
        ["probe paint/gpt-image-2", "ok"],
        ["probe paint/gpt-image-0", "The upstream does not list the model 'gpt-image-0'."],
        [
            "probe shut/gemini-3-pro-image",
            UNACCEPTED + " (API key not valid. Please pass a valid API key.)",
        ],
        ["probe spare", "ok"],
    ]
    assert {request.method for request in (*gemini.requests, *openai.requests)} == {"GET"}


def test_probe_of_the_sandbox_succeeds(tmp_path: Path) -> None:
    done = check(tmp_path, {}, "--probe")
    assert done.returncode == 0
    assert "probe sandbox/google/gemini-3-pro-image: ok" in done.stdout.splitlines()


def test_route_to_the_wrong_kind_is_refused(tmp_path: Path, openai: FakeOpenAI) -> None:
    config = {
        "upstreams": {"openai": upstream("openai", openai)},
        "models": [model("google/gemini-3-pro-image", ("openai", "gpt-image-2"))],
    }
    done = check(tmp_path, config)
    assert done.returncode == 2
    assert done.stderr == (
        "routerhub: models['google/gemini-3-pro-image'].routes[0].upstream: 'openai' has no gemini API\n"
    )


def test_upstreams_that_no_route_leads_to_are_refused(tmp_path: Path) -> None:
    done = check(tmp_path, {"upstreams": {"draw": {"kind": "sandbox"}}})
    assert done.returncode == 2
    assert done.stderr == "routerhub: models: none has a route to 'draw'\n"


def test_sandboxes_of_other_names_are_routed_to(tmp_path: Path) -> None:
    config = {
        "upstreams": {"draw": {"kind": "sandbox"}, "sandbox": {"kind": "sandbox"}},
        "models": [model("openai/gpt-image-2", ("draw", "a"), ("sandbox", "b"))],
    }
    done = check(tmp_path, config)
    assert "model openai/gpt-image-2: draw/a -> sandbox/b" in done.stdout.splitlines()
