"""Every example of README.md is run; only addresses, keys and directories are the test's."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.pictures import looks
from tests.conftest import ROOT, Gateway, clean_environment
from tests.gateway.providers import wait_until

README = (ROOT / "README.md").read_text()
EXAMPLES: list[tuple[str, str]] = re.findall(r"^```(sh|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"\w+\.(?:png|webp|jpeg)")
SECONDS = 60

FREE_PORTS = "ARGS='--http 127.0.0.1:0 --grpc 127.0.0.1:0 --admin 127.0.0.1:0'"
# Installing is not repeated here: whoever runs this test has installed.
MAKE_UP = f"make --assume-old .venv/.installed up {FREE_PORTS}"

SERVING = [text for _, text in EXAMPLES if "make up" in text]
TESTING = ["make test\n"]
"""Not run: this test is a part of it."""
MANAGING = [text for _, text in EXAMPLES if "routerhub keys" in text]
CALLING = [example for example in EXAMPLES if example[1] not in SERVING + TESTING + MANAGING]


def first_line(example: tuple[str, str] | str) -> str:
    text = example if isinstance(example, str) else example[1]
    return text.partition("\n")[0]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A directory that looks like a checkout in which `make setup` has been run."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(Path(sys.executable).parent)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("example", CALLING, ids=first_line)
def test_example_of_a_call_leaves_its_pictures(
    gateway: Gateway, desk: Path, example: tuple[str, str]
) -> None:
    language, text = example
    written = text.replace("http://127.0.0.1:8080", gateway.http).replace("rh_...", gateway.key)
    written = written.replace("routerhub generate", f"routerhub generate --grpc {gateway.grpc}")
    command = {"python": [sys.executable, "-c"], "sh": ["bash", "-eo", "pipefail", "-c"]}[language]
    environment = clean_environment(ROUTERHUB_API_KEY=gateway.key, NO_PROXY="*")
    subprocess.run([*command, written], cwd=desk, env=environment, timeout=SECONDS, check=True)
    check_pictures(desk, text)


@pytest.mark.parametrize("text", MANAGING, ids=first_line)
def test_example_of_keys_makes_a_key_and_disables_it(desk: Path, text: str) -> None:
    environment = clean_environment(ROUTERHUB_STATE_DIR=str(desk / "state"))
    script = f"{text}\n.venv/bin/routerhub keys list --json > keys.json"
    subprocess.run(["bash", "-e", "-c", script], cwd=desk, env=environment, timeout=SECONDS, check=True)
    (key,) = json.loads((desk / "keys.json").read_text())
    assert key["name"] == "team-a"
    assert key["disabled_at"]
    assert key["expires_at"]


@pytest.mark.parametrize("text", SERVING, ids=first_line)
def test_make_up_says_what_the_readme_says(desk: Path, text: str) -> None:
    with made_up(desk, text) as (printed, _):
        (said,) = re.findall(r"^```\n(api-key .*?)^```", README, re.MULTILINE | re.DOTALL)
        pattern = re.sub(r":\d+", r":\\d+", said.replace(".", r"\.").replace(r"rh_\.\.\.", r"rh_\w+"))
        assert re.fullmatch(pattern, printed)


def test_first_image_of_make_up_is_a_png(desk: Path) -> None:
    with made_up(desk, SERVING[0]) as (_, log):
        wait_until(lambda: "> lighthouse.png\n" in log.read_text())
        script = log.read_text().partition("Your first image:\n")[2].partition("\n{")[0]
        subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=desk, timeout=SECONDS, check=True)
    check_pictures(desk, script)


def test_no_kind_of_example_has_vanished() -> None:
    assert TESTING[0] in [text for _, text in EXAMPLES]
    assert SERVING[0] == "make up\n"
    assert MANAGING
    assert {language for language, _ in CALLING} == {"sh", "python"}


def check_pictures(directory: Path, script: str) -> None:
    """Every picture that the script names is there, in the format of its suffix."""
    for name in set(PICTURE.findall(script)):
        file_format, (width, height) = looks((directory / name).read_bytes())
        assert file_format.lower() == name.partition(".")[2]
        assert width * height > 500_000


@contextlib.contextmanager
def made_up(directory: Path, text: str) -> Iterator[tuple[str, Path]]:
    """While `make up` serves: what it printed up to `ready`, and where its standard error goes."""
    log = directory / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            ["bash", "-c", text.replace("make up", MAKE_UP)],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=clean_environment(NO_PROXY="*"),
            start_new_session=True,
        )
        with process:
            try:
                yield _until_ready(process), log
            finally:
                os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
                process.wait(30)


def _until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("ready "):
            return "".join(lines[-2:])
    raise AssertionError(f"it did not start: {''.join(lines)}")
