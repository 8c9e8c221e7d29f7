"""An upstream's section, and what is wrong with it before anything is asked of it."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from routerhub_server.settings.sections import Section


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

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        """Files end in newlines; anything else that no header can carry is a mistake, never to be shown."""
        if value is None:
            return None
        key = value.get_secret_value().strip()
        if not key or any(not "!" <= character <= "~" for character in key):
            raise ValueError("must be visible ASCII characters, without blanks or line breaks")
        return SecretStr(key)

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
    if section.kind == "gemini" and re.search(r"/v1(beta)?/?$", url.path):
        yield "base_url: for kind gemini it ends before /v1beta"
    if section.kind == "openai" and url.hostname == "api.openai.com" and url.path.strip("/") == "":
        yield "base_url: for kind openai it includes /v1"
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
