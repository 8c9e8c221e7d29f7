"""Configuration: a YAML file, overridden by the environment, overridden by the command line.

Nobody else reads the environment. Provider keys use the names that the vendors' own SDKs use
(`GEMINI_API_KEY`, `OPENAI_API_KEY`, ...); everything else is `ROUTERHUB_<SECTION>__<NAME>`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
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
    bytes_in_flight: int = Field(2048 * MIB, gt=0)
    """Bodies and replies held at once by the process; a call that would exceed it is told OVERLOADED."""
    call_seconds: float = Field(600, gt=0)
    """Longest that a call may take, whatever deadline its caller sends."""
    render_seconds: float = Field(600, gt=0)
    """Longest that one render may take, all attempts together; a model may have its own."""
    upload_seconds: float = Field(120, gt=0)
    """Longest that a caller may take to send its request body."""
    drain_seconds: float = Field(60, gt=0)
    """How long calls in flight may go on after SIGTERM."""


NoImageClass = Literal[
    "prompt_blocked", "output_blocked", "words_only", "recitation", "truncated", "empty", "malformed"
]


class UpstreamSettings(Section):
    """One upstream, by the name that the catalogue's routes use."""

    kind: Literal["gemini", "vertex", "openai", "azure", "routerhub", "sandbox"]
    """Which API it speaks: Gemini Developer API, Vertex AI, OpenAI (or compatible), Azure OpenAI, another
    RouterHub, or none (drawn here)."""
    base_url: str | None = None
    """Where the provider answers; the vendor's own address when absent. OpenAI's includes `/v1`."""
    api_key: SecretStr | None = None
    """The operator's key for it; better in the environment than in a file."""
    organization: str | None = None
    """OpenAI: sent as `openai-organization`."""
    project: str | None = None
    """OpenAI: sent as `openai-project`. Vertex AI: the Google Cloud project."""
    location: str = "global"
    """Vertex AI: the region, e.g. `us-central1`."""
    credentials_file: Path | None = None
    """Vertex AI: a service account's JSON file; absent, and without `api_key`, the application default."""
    api_version: str | None = None
    """Azure: dated, e.g. `2025-04-01-preview`, the `api-version` of a deployment URL; absent or a word like
    `preview`, the newer `/openai/v1`."""
    allow_plain_http: bool = False
    """Whether a key may be sent over http:// to another machine."""
    connect_seconds: float = Field(10, gt=0)
    """Longest wait for a connection."""
    first_byte_seconds: float = Field(300, gt=0)
    """Longest wait for the head of a reply; an image takes up to 180 s to it."""
    read_seconds: float = Field(60, gt=0)
    """Longest silence between two pieces of a reply, once it has begun."""
    total_seconds: float = Field(600, gt=0)
    """Longest that one attempt may take."""
    max_concurrent: int = Field(256, gt=0)
    """Renders at once; calls beyond them wait as long as their deadline allows, then are told OVERLOADED."""
    retries: int = Field(1, ge=0, le=10)
    """How often one render is tried again here, when the failed attempt cost nothing."""
    server_errors_are_free: bool = False
    """Whether a 500, 502, 504 or 52x of it is known not to be charged, so that it may be repeated."""
    breaker_failures: int = Field(5, gt=0)
    """Failures in a row, of one model, after which it is left alone for a while."""
    breaker_seconds: float = Field(30, gt=0)
    """That while; then one call probes it."""
    latency_seconds: float = Field(0, ge=0)
    """Sandbox only: how long it pretends to think."""
    markers: bool = True
    """Sandbox only: whether `[sandbox:...]` in a prompt provokes failures."""

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None:
            _check_url(value)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = [*_gaps(self), *_strangers(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self


_OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "organization": ("openai",),
    "project": ("openai", "vertex"),
    "location": ("vertex",),
    "credentials_file": ("vertex",),
    "api_version": ("azure",),
    "latency_seconds": ("sandbox",),
    "markers": ("sandbox",),
}
"""Option -> the kinds that have it; the others would ignore it."""


def _check_url(url: str) -> None:
    """Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must start with http:// or https:// and a host")
    if parts.port == 0 or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address with nothing but host, port and path")


def _gaps(section: UpstreamSettings) -> Iterator[str]:
    """What keeps the upstream from working, setting by setting."""
    url = urlsplit(section.base_url or "https://")
    if section.kind in ("azure", "routerhub") and not section.base_url:
        yield f"base_url: kind {section.kind} needs it"
    if section.kind == "azure" and "/openai" in url.path:
        yield "base_url: for kind azure it ends before /openai"
    if section.kind == "vertex" and not section.project and not section.api_key:
        yield "project: kind vertex needs it, or an api_key for express mode"
    if section.kind == "vertex" and section.api_key and (section.project or section.credentials_file):
        yield "api_key: in express mode there is neither project nor credentials_file"
    secret = section.api_key is not None or section.kind == "vertex"
    if secret and url.scheme == "http" and not (section.allow_plain_http or _is_loopback(url.hostname or "")):
        yield "base_url: a key would be sent unencrypted; use https:// or set allow_plain_http"


def _strangers(section: UpstreamSettings) -> Iterator[str]:
    for option, kinds in _OPTIONS_OF.items():
        if option in section.model_fields_set and section.kind not in kinds:
            yield f"{option}: kind {section.kind} has no such option"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


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
    no_image: dict[NoImageClass, Literal["return", "retry", "fail_over"]] = {}
    """What to do with an answer without an image, by its class: return it (the default), ask the same
    upstream once more, or ask the next route. Each repeat may be charged."""
    mismatch: Literal["warn", "fail"] = "warn"
    """What to do with an image that is not what was asked for: report it beside the image, or fail."""
    reply_headers: bool = True
    """Whether replies say which upstream and model answered, and after how many attempts."""
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

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        """Of the routes given here alone: those of shipped models wait for upstreams that may never come."""
        problems = [] if self.sandbox_only else [*_dead_ends(self.models, self.upstreams)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def sandbox_only(self) -> bool:
        return all(upstream.kind == "sandbox" for upstream in self.upstreams.values())

    @property
    def resolved_upstreams(self) -> dict[str, UpstreamSettings]:
        """The configured upstreams, or the sandbox when there is none."""
        return self.upstreams or {"sandbox": UpstreamSettings(kind="sandbox")}


def _dead_ends(models: Sequence[Mapping[str, Any]], upstreams: Mapping[str, object]) -> Iterator[str]:
    for number, model in enumerate(models):
        routes = model.get("routes")
        for position, route in enumerate(routes if isinstance(routes, list) else []):
            name = route.get("upstream") if isinstance(route, dict) else None
            if isinstance(name, str) and name not in upstreams:
                yield f"models[{number}].routes[{position}].upstream: there is no upstream {name!r}"


def load(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the configuration; `overrides` (None is ignored) come from the command line.

    Raises SettingsError, naming every wrong setting by its path.
    """
    values = _read(config) if config else {}
    given = {name: value for name, value in overrides.items() if value is not None}
    _refuse_unknown_variables(os.environ)
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


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """A mistyped section would go unnoticed. Names without `__` may be others': Kubernetes makes some."""
    for name in environ:
        section = name.removeprefix("ROUTERHUB_").partition("__")[0].lower()
        if name.startswith("ROUTERHUB_") and "__" in name and section not in Settings.model_fields:
            raise SettingsError(f"{name}: there is no such setting")


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
        f"{where}{'.'.join(map(str, item['loc'])) or 'settings'}: {_words(item['type'], item['msg'])}"
        for item in error.errors()
    )


def _words(kind: str, message: str) -> str:
    return "there is no such setting" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
