"""Configuration: a YAML file, overridden by the environment, overridden by the command line.

Provider keys use the names that the vendors' own SDKs use (`GEMINI_API_KEY`, `OPENAI_API_KEY`, ...);
everything else is `ROUTERHUB_<SECTION>__<NAME>`.
"""

from routerhub_server.settings.errors import SettingsError
from routerhub_server.settings.loading import load
from routerhub_server.settings.root import NoImageClass, Settings
from routerhub_server.settings.sections import (
    MIB,
    LimitSettings,
    ListenSettings,
    LogSettings,
    Section,
    split_address,
)
from routerhub_server.settings.upstream import UpstreamSettings

__all__ = [
    "MIB",
    "LimitSettings",
    "ListenSettings",
    "LogSettings",
    "NoImageClass",
    "Section",
    "Settings",
    "SettingsError",
    "UpstreamSettings",
    "load",
    "split_address",
]
