"""Where settings come from, and which of two wins."""

from pathlib import Path
from typing import Any

import pytest

from routerhub_server import settings
from routerhub_server.settings import Settings, SettingsError, split_address

VENDORS = ("GEMINI_API_KEY", "GEMINI_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL")


@pytest.fixture(autouse=True)
def _no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VENDORS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        (tmp_path / "config.yaml").write_text(text)
        return tmp_path / "config.yaml"

    return write


def test_nothing_configured_is_the_sandbox() -> None:
    loaded = settings.load()
    assert loaded.sandbox_only
    assert {name: section.kind for name, section in loaded.resolved_upstreams.items()} == {
        "sandbox": "sandbox"
    }


def test_environment_outranks_the_file_and_the_command_line_both(
    config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = config(
        "limits: {drain_seconds: 1, call_seconds: 1}\nlisten: {http: '127.0.0.1:1'}\nstate_dir: file"
    )
    monkeypatch.setenv("ROUTERHUB_LIMITS__DRAIN_SECONDS", "2")
    monkeypatch.setenv("ROUTERHUB_LISTEN__GRPC", "127.0.0.1:2")
    monkeypatch.setenv("ROUTERHUB_STATE_DIR", "environment")
    loaded = settings.load(file, state_dir=tmp_path, listen={"grpc": "127.0.0.1:3"})
    assert (loaded.limits.drain_seconds, loaded.limits.call_seconds) == (2, 1)
    assert (loaded.listen.http, loaded.listen.grpc) == ("127.0.0.1:1", "127.0.0.1:3")
    assert loaded.state_dir == tmp_path
    assert settings.load(file).state_dir == Path("environment")


def test_vendors_variables_bring_upstreams_into_being(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.com/v1")
    loaded = settings.load()
    assert not loaded.sandbox_only
    assert set(loaded.upstreams) == {"openai"}
    openai = loaded.upstreams["openai"]
    assert openai.api_key is not None
    assert (openai.kind, openai.base_url) == ("openai", "https://example.com/v1")
    assert openai.api_key.get_secret_value() == "sk-1"


def test_vendors_variables_fill_the_upstreams_of_the_file(
    config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-1")
    loaded = settings.load(config("upstreams: {gemini: {kind: gemini, connect_seconds: 3}}"))
    gemini = loaded.upstreams["gemini"]
    assert gemini.api_key is not None
    assert (gemini.connect_seconds, gemini.api_key.get_secret_value()) == (3, "AIza-1")


def test_empty_vendors_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert settings.load().sandbox_only


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("ROUTERHUB_BOOTSTRAP_KEY", "rh_secret")
    shown = repr(settings.load()) + settings.load().model_dump_json()
    assert "secret" not in shown.replace("SecretStr", "")


def test_wrong_secret_is_not_repeated(config: Any) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.load(
            config("upstreams: {a: {kind: openai, api_key: [sk-MARKER]}}\nbootstrap_key: [rh_MARKER]")
        )
    assert "upstreams.a.api_key: " in str(raised.value)
    assert "MARKER" not in str(raised.value)


@pytest.mark.parametrize("name", ["ROUTERHUB_LIMIT__X", "ROUTERHUB_LISTENS__HTTP"])
def test_mistyped_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"^{name}: there is no such setting$"):
        settings.load()


def test_variables_of_others_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings.load()
    # Kubernetes makes these for a service named `routerhub`.
    monkeypatch.setenv("ROUTERHUB_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("ROUTERHUB_PORT_8080_TCP_ADDR", "10.0.0.1")
    assert settings.load() == before


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().state_dir = Path("elsewhere")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("gateway.internal:80", ("gateway.internal", 80)),
    ],
)
def test_address_is_host_and_port(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize("address", ["", "8080", ":8080", "host:", "host:http", "host:65536", "host:-1"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_address(address)
