"""The configurations that docs/upstreams.md shows are valid, and it names what there is."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from routerhub_server.results import NoImage
from tests.conftest import ROOT, clean_environment

TEXT = (ROOT / "docs" / "upstreams.md").read_text()
KEYS = {
    "GEMINI_API_KEY": "a",
    "OPENAI_API_KEY": "b",
    "ROUTERHUB_UPSTREAMS__AZURE_EU__API_KEY": "c",
}
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_example_is_valid(example: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(example)
    done = subprocess.run(
        [sys.executable, "-m", "routerhub_server", "check", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(**(KEYS if "azure_eu" in example else {})),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("configuration is valid\n")


def test_every_class_without_an_image_is_explained() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [A-Z]", TEXT, re.MULTILINE)) == set(get_args(NoImage))


def test_every_series_exists() -> None:
    code = (ROOT / "server" / "routerhub_server" / "metrics.py").read_text()
    named = {name.removesuffix("_total") for name in re.findall(r"`(routerhub_\w+)", TEXT)}
    assert len(named) >= 7
    assert [name for name in named if f'"{name}"' not in code] == []
