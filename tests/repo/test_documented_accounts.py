"""docs/accounts.md: every command on it is run, in its order, beside a server that has made one image."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from routerhub_server.settings import ListenSettings
from tests.conftest import ROOT, Gateway, clean_environment, running_gateway
from tests.gateway.callers import Caller
from tests.gateway.operators import address_of

PAGE = (ROOT / "docs/accounts.md").read_text(encoding="utf-8")
COMMANDS: list[str] = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLE = "00fd7e96c67d16c764c2fd84092628d7"
"""The page's receipt."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("page")) as gateway:
        yield gateway


def test_every_command_works(running: Gateway, tmp_path: Path) -> None:
    caller = Caller(running)
    made = caller.ask("rest", "openai", "gpt-image-2")
    caller.close()
    (tmp_path / ".routerhub").symlink_to(running.state_dir)
    environment = clean_environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    said = []
    for command in COMMANDS:
        here = command.replace(EXAMPLE, made.headers["x-routerhub-request-id"])
        here = here.replace("127.0.0.1:50053", address_of(running))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        said.append(done.stdout)
    assert said[0].startswith("api-key rh_")
    assert any('"secret": "rh_' in text for text in said)
    lines = (tmp_path / "receipts.jsonl").read_text().splitlines()
    assert [json.loads(line)["account"] for line in lines] == ["bootstrap"]


def test_receipt_on_the_page_is_one_of_the_sandbox(running: Gateway) -> None:
    """But for ids, times, and the name of the account."""
    caller = Caller(running)
    made = caller.ask("rest", "openai", "gpt-image-2", "a fox")
    caller.close()
    shown = running.routerhub("receipt", made.headers["x-routerhub-request-id"])
    (printed,) = re.findall(r"^```\n(request .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert shape(shown) == shape(printed)


def shape(text: str) -> list[str]:
    """Its lines without what is another's."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z", "X", text)
    text = re.sub(r"in [\d.]+ s|(?<=account    )[\w-]+|\b[\d.,]+ (?=at|USD$)", "", text)
    return re.sub(r"[\d.]+ USD", "N USD", text).splitlines()


def test_default_address_is_the_documented_one() -> None:
    assert ListenSettings().admin_grpc in PAGE
