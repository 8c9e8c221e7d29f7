"""Configuration: a YAML file, overridden by the environment, overridden by the command line.

Nobody else reads the environment. Provider keys use the names that the vendors' own SDKs use
(`GEMINI_API_KEY`, `OPENAI_API_KEY`, ...); everything else is `ROUTERHUB_<SECTION>__<NAME>`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

MIB = 1024 * 1024


class SettingsError(Exception):
    """The configuration is wrong; the message says what and where."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def split_address(address: str) -> tuple[str, int]:
    """`host:port` (or `[v6]:port`) as its two parts. Raises ValueError."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


class ListenSettings(Section):
    """Addresses, each `host:port`; port 0 picks a free one."""

    http: str = "127.0.0.1:8080"
    """Envoy's public address (only `routerhub up` starts Envoy)."""
    grpc: str = "127.0.0.1:50051"
    """The typed gRPC service."""
    rest: str = "127.0.0.1:50052"
    """The REST door; only Envoy talks to it."""
    admin: str = "127.0.0.1:9090"
    """Health and metrics; keep it on loopback."""

    @field_validator("*")
    @classmethod
    def _address(cls, value: str) -> str:
        split_address(value)
        return value


class LimitSettings(Section):
    """Bounds of the process, each with its unit in the name."""

    body_bytes: int = Field(64 * MIB, gt=0)
    """Largest request body, JSON with base64 or one gRPC message."""
    reply_bytes: int = Field(64 * MIB, gt=0)
    """Largest provider reply."""
    call_seconds: float = Field(600, gt=0)
    """Longest that a call may take, whatever deadline its caller sends."""
    render_seconds: float = Field(600, gt=0)
    """Longest that a provider may take for one render."""
    upload_seconds: float = Field(120, gt=0)
    """Longest that a caller may take to send its request body."""
    drain_seconds: float = Field(60, gt=0)
    """How long calls in flight may go on after SIGTERM."""


class UpstreamSettings(Section):
    """One upstream, by the name that the catalogue's routes use."""

    kind: Literal["gemini", "openai", "sandbox"]
    """Which API it speaks: Gemini Developer API, OpenAI, or none (drawn here)."""
    base_url: str | None = None
    """Where the provider answers; the vendor's own address when absent. OpenAI's includes `/v1`."""
    api_key: SecretStr | None = None
    """The operator's key for it; better in the environment than in a file."""
    organization: str | None = None
    """OpenAI only: sent as `openai-organization`."""
    project: str | None = None
    """OpenAI only: sent as `openai-project`."""
    connect_seconds: float = Field(10, gt=0)
    """Longest wait for a connection."""
    read_seconds: float = Field(300, gt=0)
    """Longest silence between two pieces of a reply; an image takes up to 180 s to its first."""
    max_connections: int = Field(512, gt=0)
    """Connections open at once; calls beyond them wait."""
    latency_seconds: float = Field(0, ge=0)
    """Sandbox only: how long it pretends to think."""
    markers: bool = True
    """Sandbox only: whether `[sandbox:...]` in a prompt provokes failures."""

    @field_validator("base_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value


class LogSettings(Section):
    """The log on standard error."""

    format: Literal["json", "console"] = "json"
    """One JSON object a line, or colours for people."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is left out below."""


class Settings(BaseSettings):
    """Everything that an operator can set."""

    model_config = SettingsConfigDict(
        env_prefix="ROUTERHUB_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    state_dir: Path = Path(".routerhub")
    """Where keys and records live; made when absent, readable by its owner alone."""
    database_url: str | None = None
    """A database elsewhere; SQLite in the state directory when absent."""
    bootstrap_key: SecretStr | None = None
    """The first API key of a new state directory; made up when absent."""
    listen: ListenSettings = ListenSettings()
    """Addresses."""
    limits: LimitSettings = LimitSettings()
    """Bounds of the process."""
    log: LogSettings = LogSettings()
    """The log on standard error."""
    upstreams: dict[str, UpstreamSettings] = {}
    """By name. Empty: the sandbox alone, for every model."""
    models: list[dict[str, Any]] = []
    """Additions to the shipped catalogue, in its own schema."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load` passes the file's values as arguments; the environment outranks them.
        return env_settings, init_settings

    @property
    def sandbox_only(self) -> bool:
        return all(upstream.kind == "sandbox" for upstream in self.upstreams.values())

    @property
    def resolved_upstreams(self) -> dict[str, UpstreamSettings]:
        """The configured upstreams, or the sandbox when there is none."""
        return self.upstreams or {"sandbox": UpstreamSettings(kind="sandbox")}


def load(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the configuration; `overrides` (None is ignored) come from the command line.

    Raises SettingsError, naming every wrong setting by its path.
    """
    values = _read(config) if config else {}
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        values["upstreams"] = _with_provider_environment(values.get("upstreams") or {}, os.environ)
        settings = Settings(**values)
        listen = settings.listen.model_copy(update=given.pop("listen", {}))
        changed = settings.model_copy(update={**given, "listen": listen})
        ListenSettings.model_validate(listen.model_dump())
    except ValidationError as error:
        raise SettingsError(_explain(error, config)) from error
    return changed


def _read(config: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{config}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{config}: not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{config}: must be a mapping of settings")
    return values


def _with_provider_environment(upstreams: Any, environ: Mapping[str, str]) -> Any:
    """Add what the vendors' own environment variables say of the upstreams named after them."""
    if not isinstance(upstreams, dict):
        return upstreams
    merged = dict(upstreams)
    for name in ("gemini", "openai"):
        found = {
            field: environ[variable]
            for field, variable in (
                ("api_key", f"{name.upper()}_API_KEY"),
                ("base_url", f"{name.upper()}_BASE_URL"),
            )
            if environ.get(variable)
        }
        if found:
            merged[name] = {"kind": name, **(merged.get(name) or {}), **found}
    return merged


def _explain(error: ValidationError, config: Path | None) -> str:
    where = f"{config}: " if config else ""
    return "\n".join(
        f"{where}{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors()
    )
