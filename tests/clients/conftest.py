"""Clients of the gateway as applications have them: the vendors' own SDKs and plain gRPC."""

import json
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import google.rpc
import pytest

from tests.conftest import ROOT, Gateway, clean_environment

HERE = Path(__file__).parent
SECONDS = 60

Program = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def disabled_key(gateway: Gateway) -> str:
    """A key that the operator has disabled."""
    made = json.loads(gateway.routerhub("keys", "create", "--name", "disabled", "--json"))
    gateway.routerhub("keys", "disable", "disabled")
    return str(made["key"])


@pytest.fixture
def node(gateway: Gateway) -> Program:
    """Run a program of node/ against the gateway: `node("openai.mjs", "generate", {...})`."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    if (version := _node_version()) < 20:
        pytest.skip(f"the SDKs need Node 20 or newer, this is {version}")
    if not (HERE / "node/node_modules").is_dir():
        pytest.skip("the Node packages are not installed: make clients")
    google_protos = Path(next(iter(google.rpc.__path__))).parents[1]
    protos = (ROOT / "protos", google_protos, files("grpc_tools") / "_proto")
    return _program(gateway, ["node"], HERE / "node", PROTO_PATH=":".join(map(str, protos)))


@pytest.fixture
def go(gateway: Gateway) -> Program:
    """Run a call of the Go program against the gateway: `go("GenerateImages", "60s", {...})`."""
    if not (HERE / "go/bin/client").exists():
        pytest.skip("the Go program is not built (make clients) or Go is not installed")
    return _program(gateway, [str(HERE / "go/bin/client")], HERE / "go")


def _node_version() -> int:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").partition(".")[0])


def _program(gateway: Gateway, command: list[str], directory: Path, **environment: str) -> Program:
    def run(*arguments: str, key: str = gateway.key) -> dict[str, Any]:
        *words, request = arguments
        done = subprocess.run(
            [*command, *words],
            input=json.dumps(request),
            cwd=directory,
            env=clean_environment(
                ROUTERHUB_HTTP=gateway.http, ROUTERHUB_GRPC=gateway.grpc, ROUTERHUB_KEY=key, **environment
            ),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        reply: dict[str, Any] = json.loads(done.stdout)
        return reply

    return run
