"""Reading the configuration from its three places. Nobody else reads the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from routerhub_server.settings.errors import SettingsError
from routerhub_server.settings.root import Settings
from routerhub_server.settings.sections import ListenSettings


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
