"""The `routerhub` command as a program of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import clean_environment

SECONDS = 30
ANY_PORT = "127.0.0.1:0"


def routerhub(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "routerhub_server", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=clean_environment(**environment),
    )


@dataclass
class Running:
    """A server that has said `ready`."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)
    """Its standard output so far."""

    @property
    def addresses(self) -> dict[str, str]:
        """What the ready line says."""
        return dict(re.findall(r"(\w+)=(\S+)", self.lines[-1]))

    @property
    def key(self) -> str:
        return self.lines[0].removeprefix("api-key ").strip()

    def stop(self) -> tuple[int, str]:
        """End it properly: its exit status, and what else it wrote to standard output."""
        self.process.terminate()
        rest, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, rest


@contextmanager
def serving(command: str, state_dir: Path, log: Path, *options: str, **environment: str) -> Iterator[Running]:
    """`routerhub up` or `serve` on free ports, until the context ends."""
    arguments = [sys.executable, "-m", "routerhub_server", command, "--state-dir", str(state_dir)]
    for name in ("http" if command == "up" else "rest", "grpc", "admin"):
        arguments += [f"--{name}", ANY_PORT]
    with (
        log.open("a") as stderr,
        subprocess.Popen(
            [*arguments, *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=clean_environment(ROUTERHUB_LISTEN__ADMIN_GRPC=ANY_PORT, **environment),
        ) as process,
    ):
        try:
            yield _ready(process, log)
        finally:
            if process.poll() is None:
                process.terminate()


def _ready(process: "subprocess.Popen[str]", log: Path) -> Running:
    assert process.stdout is not None
    running = Running(process)
    for line in process.stdout:
        running.lines.append(line)
        if line.startswith("ready "):
            return running
    raise AssertionError(f"it did not start:\n{log.read_text()}")
