"""All settings together."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from routerhub_server.settings.sections import LimitSettings, ListenSettings, LogSettings
from routerhub_server.settings.upstream import UpstreamSettings

NoImageClass = Literal[
    "prompt_blocked", "output_blocked", "words_only", "recitation", "truncated", "empty", "malformed"
]


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
    database_down: Literal["fail_closed", "fail_open"] = "fail_closed"
    """While the database cannot be reached: refuse new requests, or serve them all the same with limits of
    each process's own and without budgets, and record them when it is back."""
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
    ledger_days: int = Field(400, gt=0)
    """How long finished requests and their attempts are kept for receipts and reports. What they add up to in
    budgets is kept for ever."""
    currency: str | None = None
    """The one currency of prices and budgets, e.g. `EUR`; absent, that of the shipped prices. With another
    one, the shipped prices do not count."""
    prices: list[dict[str, Any]] = []
    """Prices before the shipped ones, in their own schema."""
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
        """Whether every model is drawn by the one sandbox, whatever its routes say."""
        sections = self.resolved_upstreams
        return list(sections) == ["sandbox"] and sections["sandbox"].kind == "sandbox"

    @property
    def resolved_upstreams(self) -> dict[str, UpstreamSettings]:
        """The configured upstreams, or the sandbox when there is none."""
        # The sandbox fails when a prompt asks for it, which must not close it to other callers.
        return self.upstreams or {"sandbox": UpstreamSettings(kind="sandbox", breaker_failures=sys.maxsize)}


def _dead_ends(models: Sequence[Mapping[str, Any]], upstreams: Mapping[str, object]) -> Iterator[str]:
    for number, model in enumerate(models):
        routes = model.get("routes")
        for position, route in enumerate(routes if isinstance(routes, list) else []):
            name = route.get("upstream") if isinstance(route, dict) else None
            if isinstance(name, str) and name not in upstreams:
                yield f"models[{number}].routes[{position}].upstream: there is no upstream {name!r}"
