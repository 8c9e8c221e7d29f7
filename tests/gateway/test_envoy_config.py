"""The configuration files themselves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.descriptor import Descriptor

from routerhub.images.v1 import rest_service_pb2

ROOT = Path(__file__).parents[2]
FILES = ("envoy.yaml", "deploy/envoy-typed.yaml")
SERVICE = rest_service_pb2.DESCRIPTOR.services_by_name["RestService"]


def manager(file: str) -> dict[str, Any]:
    config = yaml.safe_load((ROOT / file).read_text())
    chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
    found: dict[str, Any] = chain["filters"][0]["typed_config"]
    return found


def transcoder(file: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in manager(file)["http_filters"] if f["name"] == "transcoder")
    return found["typed_config"]  # type: ignore[no-any-return]


def bindable(message: Descriptor, prefix: str = "") -> set[str]:
    """Every query parameter that Envoy would bind to a field of the message."""
    names: set[str] = set()
    for field in message.fields:
        for name in {field.name, field.json_name}:
            names.add(prefix + name)
            if field.message_type is not None:
                names |= bindable(field.message_type, f"{prefix}{name}.")
    return names


@pytest.mark.parametrize("file", FILES)
def test_file_is_valid(file: str) -> None:
    envoy = str(Path(sys.executable).with_name("envoy"))
    command = [envoy, "--mode", "validate", "--log-level", "warn", "--config-path", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The one that is meant: the alternative to custom_response would be a second copy of the mappers, in Lua.
    assert [line for line in done.stderr.splitlines() if "custom_response" not in line] == []


def test_every_request_field_is_ignored_in_the_query() -> None:
    fields: set[str] = set().union(*(bindable(method.input_type) for method in SERVICE.methods))
    assert fields == set(transcoder("envoy.yaml")["ignored_query_parameters"])


def test_only_the_service_meant_is_transcoded() -> None:
    assert transcoder("envoy.yaml")["services"] == ["routerhub.images.v1.RestService"]
    assert transcoder("deploy/envoy-typed.yaml")["services"] == ["routerhub.images.v1.ImageGenerationService"]


@pytest.mark.parametrize("file", FILES)
def test_admin_is_on_loopback(file: str) -> None:
    config = yaml.safe_load((ROOT / file).read_text())
    assert config["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


@pytest.mark.parametrize("file", FILES)
def test_replies_never_print_the_inner_error(file: str) -> None:
    assert "LOCAL_REPLY_BODY" not in json.dumps(manager(file))
