"""docs/limits.md says what the code and envoy.yaml say."""

import importlib
import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from routerhub_server import json_codec
from routerhub_server.settings import LimitSettings, UpstreamSettings
from tests.conftest import ROOT

ROW = re.compile(r"\| (?P<limit>.+?) \| (?P<number>[^|]+) \| .+ \| `(?P<source>[^`|]+)` \|")
UNITS = {"KiB": 2**10, "MiB": 2**20, "s": 1, "": 1}
SECTIONS: dict[str, type[BaseModel]] = {"limits": LimitSettings, "upstreams": UpstreamSettings}
DOCUMENT = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
ROWS = [match.groupdict() for match in map(ROW.fullmatch, DOCUMENT.splitlines()) if match]


@cache
def envoy() -> Any:
    return yaml.safe_load((ROOT / "envoy.yaml").read_text(encoding="utf-8"))


def written(number: str) -> float:
    """`64 MiB` in bytes, `600 s` in seconds, `250,000` as it is."""
    digits, _, unit = number.replace(",", "").partition(" ")
    return float(digits) * UNITS[unit]


def actual(source: str) -> set[float]:
    """Every value that the source has."""
    file, _, name = source.partition(" ")
    if file == "envoy.yaml":
        return set(in_envoy(name))
    if file == "serve.py":
        return {in_server_options(name)}
    room, _, constant = source.rpartition(".")
    if room in SECTIONS:
        return {float(SECTIONS[room].model_fields[constant].default)}
    return {float(getattr(importlib.import_module(f"routerhub_server.{room}"), constant))}


def in_envoy(name: str) -> Iterator[float]:
    if name == "header_limit":
        code = (ROOT / "envoy.yaml").read_text(encoding="utf-8")
        yield from map(float, re.findall(r"if size > (\d+) then", code))
        return
    parent, _, key = name.rpartition(".")
    nodes = list(values(envoy(), parent)) if parent else [envoy()]
    for value in (value for node in nodes for value in values(node, key)):
        number = float(str(value).removesuffix("s"))
        yield number * 1024 if name.endswith("_kb") else number


def values(node: Any, key: str) -> Iterator[Any]:
    """What stands under `key`, wherever in the tree that is."""
    if isinstance(node, list):
        for element in node:
            yield from values(element, key)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values(value, key)


def in_server_options(name: str) -> float:
    code = (ROOT / "server/routerhub_server/serve.py").read_text(encoding="utf-8")
    (factors,) = re.findall(rf'"{re.escape(name)}", ([\d *]+)\)', code)
    return float(math.prod(map(int, factors.split("*"))))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["source"])
def test_documented_number_is_the_real_one(row: dict[str, str]) -> None:
    found = actual(row["source"])
    if row["source"] == "envoy.yaml route.timeout":
        found.discard(0)  # typed calls: their own deadline rules
    assert found == {written(row["number"])}


def test_every_limit_is_documented() -> None:
    documented = {row["source"] for row in ROWS}
    settings = {f"limits.{name}" for name in LimitSettings.model_fields}
    numbers = (int, float)
    settings |= {
        f"upstreams.{name}"
        for name, field in UpstreamSettings.model_fields.items()
        if type(field.default) in numbers and name != "latency_seconds"  # the sandbox's pretence
    }
    codec = {f"json_codec.{name}" for name in json_codec.__all__ if name.startswith("MAX_")}
    assert settings | codec <= documented


def test_every_limit_of_envoy_is_documented() -> None:
    documented = {row["source"].rpartition(" ")[2] for row in ROWS}
    named = {
        key for key in keys(envoy()) if re.match(r"max_|.*_timeout$|initial_.*_size$|.*_limit_bytes$", key)
    }
    elsewhere = {
        "connect_timeout",  # between Envoy and the server on one machine
        "max_age",  # how long a browser remembers CORS, in the headers of its reply
        "max_retries",  # Envoy repeats only what never reached the server
    }
    assert named - elsewhere <= documented


def keys(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for element in node:
            yield from keys(element)
    elif isinstance(node, dict):
        for name, value in node.items():
            yield str(name)
            yield from keys(value)
