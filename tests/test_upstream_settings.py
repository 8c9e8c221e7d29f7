"""What is refused of an upstream's settings, and in which words."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from routerhub_server.settings import Settings, SettingsError, load

UNENCRYPTED = "a key would be sent unencrypted; use https:// or set allow_plain_http"


def loaded(tmp_path: Path, **settings: object) -> Settings:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings))
    return load(file)


@pytest.mark.parametrize(
    ("upstream", "problem"),
    [
        ({"kind": "gemini", "api_key": "bad\nkey"}, "u.api_key: must be visible ASCII characters"),
        ({"kind": "gemini", "api_key": "kéy"}, "u.api_key: must be visible ASCII characters"),
        ({"kind": "gemini", "api_key": " "}, "u.api_key: must be visible ASCII characters"),
        (
            {"kind": "gemini", "base_url": "https://h/v1beta/"},
            "u: base_url: for kind gemini it ends before /v1beta",
        ),
        (
            {"kind": "openai", "base_url": "https://api.openai.com"},
            "u: base_url: for kind openai it includes /v1",
        ),
        ({"kind": "azure"}, "u: base_url: kind azure needs it"),
        (
            {"kind": "azure", "base_url": "https://x.openai.azure.com/openai/v1"},
            "u: base_url: for kind azure it ends before /openai",
        ),
        ({"kind": "routerhub"}, "u: base_url: kind routerhub needs it"),
        ({"kind": "vertex"}, "u: project: kind vertex needs it, or an api_key for express mode"),
        (
            {"kind": "vertex", "project": "p", "api_key": "k"},
            "u: api_key: in express mode there is neither project nor credentials_file",
        ),
        (
            {"kind": "openai", "base_url": "http://gpu-1:8000/v1", "api_key": "k"},
            f"u: base_url: {UNENCRYPTED}",
        ),
        ({"kind": "vertex", "base_url": "http://10.0.0.1", "project": "p"}, f"u: base_url: {UNENCRYPTED}"),
        (
            {"kind": "gemini", "base_url": "gemini.example"},
            "u.base_url: must start with http:// or https:// and a host",
        ),
        (
            {"kind": "gemini", "base_url": "https://"},
            "u.base_url: must start with http:// or https:// and a host",
        ),
        (
            {"kind": "gemini", "base_url": "https://x/?key=1"},
            "u.base_url: must be an address with nothing but host, port and path",
        ),
        (
            {"kind": "gemini", "base_url": "https://me:pw@x"},
            "u.base_url: must be an address with nothing but host, port and path",
        ),
        ({"kind": "gemini", "base_url": "https://x:0x"}, "u.base_url: Port could not be cast"),
        ({"kind": "gemini", "location": "eu"}, "u: location: kind gemini has no such option"),
        ({"kind": "openai", "api_version": "1"}, "u: api_version: kind openai has no such option"),
        ({"kind": "gemini", "latency_seconds": 1}, "u: latency_seconds: kind gemini has no such option"),
    ],
)
def test_upstream_that_cannot_work_is_refused_with_its_place(
    tmp_path: Path, upstream: dict[str, object], problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, upstreams={"u": upstream})
    assert str(caught.value).startswith(f"{tmp_path}/config.yaml: upstreams.{problem}")


@pytest.mark.parametrize(
    "upstream",
    [
        {"kind": "openai", "base_url": "http://gpu-1:8000/v1"},
        {"kind": "openai", "base_url": "http://gpu-1:8000/v1", "api_key": "k", "allow_plain_http": True},
        {"kind": "openai", "base_url": "http://localhost:8000/v1", "api_key": "k"},
        {"kind": "openai", "base_url": "http://[::1]:8000/v1", "api_key": "k"},
        {"kind": "azure", "base_url": "https://x.openai.azure.com/", "api_key": "k"},
        {"kind": "vertex", "api_key": "k"},
        {"kind": "vertex", "project": "p", "location": "eu"},
        {"kind": "routerhub", "base_url": "https://hub.example/path", "api_key": "rh_k"},
    ],
)
def test_upstream_that_can_work_is_taken(tmp_path: Path, upstream: dict[str, object]) -> None:
    assert loaded(tmp_path, upstreams={"u": upstream}).upstreams["u"].kind == upstream["kind"]


def test_line_break_at_the_end_of_a_key_is_no_part_of_it(tmp_path: Path) -> None:
    key = loaded(tmp_path, upstreams={"u": {"kind": "gemini", "api_key": "key\n"}}).upstreams["u"].api_key
    assert key is not None
    assert key.get_secret_value() == "key"


def test_every_problem_of_an_upstream_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, upstreams={"a": {"kind": "azure", "location": "eu"}, "b": {"kind": "vertex"}})
    first, second = str(caught.value).splitlines()
    assert first.endswith("base_url: kind azure needs it; location: kind azure has no such option")
    assert "upstreams.b: project:" in second


def test_route_to_an_upstream_that_is_not_there_is_refused(tmp_path: Path) -> None:
    routes = [{"upstream": "here", "model": "x"}, {"upstream": "there", "model": "y"}]
    with pytest.raises(SettingsError) as caught:
        loaded(
            tmp_path,
            upstreams={"here": {"kind": "openai"}},
            models=[{"id": "openai/a", "routes": routes[:1]}, {"id": "openai/b", "routes": routes}],
        )
    assert str(caught.value).endswith("models[1].routes[1].upstream: there is no upstream 'there'")


def test_vertex_without_google_auth_says_what_to_install(tmp_path: Path) -> None:
    """In a process of its own, where the library cannot be imported."""
    program = (
        "import sys; sys.modules['google.auth'] = None\n"
        "from routerhub_server.settings import Settings, SettingsError, UpstreamSettings\n"
        "from routerhub_server.upstreams.registry import KINDS\n"
        "KINDS['vertex']('vx', UpstreamSettings(kind='vertex', api_key='k'), Settings())\n"
        "try:\n"
        "    KINDS['vertex']('vx', UpstreamSettings(kind='vertex', project='p'), Settings())\n"
        "except SettingsError as error:\n"
        "    print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "upstreams.vx: kind vertex needs google-auth: install routerhub-images[vertex]\n"
