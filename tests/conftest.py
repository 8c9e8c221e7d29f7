"""The real gateway for tests: `routerhub up` as users start it, real Envoy in front, on free ports."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.postgres import Postgres, running_postgres

# PostgreSQL is started by a fork, in which gRPC's own handlers for that crash while it is in use.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

ROOT = Path(__file__).parents[1]
KEY = "rh_test_0123456789abcdefghijklmnopqrstuv"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    http: str
    """`http://127.0.0.1:PORT`, Envoy."""
    grpc: str
    """`127.0.0.1:PORT`, the typed service without Envoy."""
    admin: str
    key: str
    state_dir: Path
    process: subprocess.Popen[str]
    log: Path

    @property
    def host(self) -> str:
        """Envoy's `127.0.0.1:PORT`."""
        return self.http.removeprefix("http://")

    def routerhub(self, *arguments: str) -> str:
        """Run a `routerhub` command on this gateway's state; its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "routerhub_server", *arguments, "--state-dir", str(self.state_dir)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=clean_environment(),
        )
        return done.stdout


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would configure a gateway."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match(r"ROUTERHUB_|GEMINI_|GOOGLE_|OPENAI_|GRPC_|https?_proxy$", name, re.IGNORECASE)
    }
    return kept | more


@contextlib.contextmanager
def running_gateway(
    directory: Path, config: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> Iterator[Gateway]:
    """Start `routerhub up` with `config`, wait until it is ready, and stop it at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    state_dir, log = directory / "state", directory / "log"
    arguments = [sys.executable, "-m", "routerhub_server", "up", "--state-dir", str(state_dir)]
    arguments += ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    if config:
        (directory / "config.yaml").write_text(yaml.safe_dump(config))
        arguments += ["--config", str(directory / "config.yaml")]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=clean_environment(ROUTERHUB_BOOTSTRAP_KEY=KEY, **(environment or {})),
        )
        try:
            yield _ready(process, state_dir, log)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _ready(process: subprocess.Popen[str], state_dir: Path, log: Path) -> Gateway:
    assert process.stdout is not None
    for line in process.stdout:
        match = re.fullmatch(r"ready http=(\S+) grpc=(\S+) admin=(\S+)\n", line)
        if match:
            return Gateway(match[1], match[2], match[3], KEY, state_dir, process, log)
    raise AssertionError(f"the gateway did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests that only need the sandbox behind it."""
    with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        # Tests make further accounts, after which it would have to be told.
        running.routerhub("keys", "update", "bootstrap", "--provider-ids")
        yield running


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start gateways of a test's own: `start_gateway(config, environment)`."""
    with contextlib.ExitStack() as stack:
        count = iter(range(100))

        def start(config: dict[str, Any] | None = None, environment: dict[str, str] | None = None) -> Gateway:
            return stack.enter_context(
                running_gateway(tmp_path / f"gateway{next(count)}", config, environment)
            )

        yield start


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that tests share; each makes a database of its own."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Of an empty database: whoever asks for it runs twice. None is SQLite."""
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database()
