"""The curl examples of both APIs, run as they stand; only address and key are this gateway's.

They lie in tests/data/curl_examples, one a file, and leave pictures where they run.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.pictures import looks, share_of, square
from tests.conftest import ROOT, Gateway, clean_environment

EXAMPLES = ROOT / "tests/data/curl_examples"
SECONDS = 60

Looks = tuple[str, tuple[int, int]]

MADE: dict[str, dict[str, Looks]] = {
    "gemini_text_to_image": {"lighthouse.png": ("PNG", (1024, 1024))},
    "gemini_as_google_documents_it": {"lighthouse.png": ("PNG", (1024, 1024))},
    "gemini_image_edit": {"edited.png": ("PNG", (1024, 1024))},
    "gemini_image_edit_snake_case": {"edited.png": ("PNG", (1024, 1024))},
    "gemini_generation_config": {"lighthouse.png": ("PNG", (2752, 1536))},
    "openai_minimal": {"lighthouse.png": ("PNG", (1024, 1024))},
    "openai_every_option": {"lighthouse.jpeg": ("JPEG", (1536, 864))},
    "openai_several_images": {
        "lighthouse-1.webp": ("WEBP", (1024, 1536)),
        "lighthouse-2.webp": ("WEBP", (1024, 1536)),
    },
    "openai_with_jq": {"lighthouse.png": ("PNG", (1536, 1024))},
}
"""What each example leaves: file, format, width and height."""

FLAGS = {"1.1": "--http1.1", "2": "--http2-prior-knowledge"}
PATHS = (
    "/v1beta/models/{}",
    "/v1/models/{}",
    "/v1beta/models/google/{}",
    "/v1/models/google/{}",
    "/v1beta/google/{}",
    "/v1/google/{}",
    "/models/{}",
)
KEYS = ("Authorization: Bearer $ROUTERHUB_API_KEY", "x-goog-api-key: $ROUTERHUB_API_KEY")


def run(gateway: Gateway, script: str, directory: Path, version: str) -> None:
    """Run `script` in `directory`, every curl in it speaking this version of HTTP."""
    if "jq " in script and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    curl = f'curl() {{ command curl {FLAGS[version]} -w "%{{stderr}}HTTP/%{{http_version}}" "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", curl + script.replace("http://127.0.0.1:8080", gateway.http)],
        cwd=directory,
        env=clean_environment(ROUTERHUB_API_KEY=gateway.key),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, f"HTTP/{version}")


@pytest.mark.parametrize("version", FLAGS)
@pytest.mark.parametrize("name", MADE)
def test_curl_example_leaves_its_pictures(gateway: Gateway, tmp_path: Path, name: str, version: str) -> None:
    given = tmp_path / "red.png"
    given.write_bytes(square("red"))
    script = (EXAMPLES / f"{name}.sh").read_text()
    run(gateway, script, tmp_path, version)
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".json"}
    assert {name: looks(file) for name, file in left.items() if name != "red.png"} == MADE[name]
    if "red.png" in script:
        assert share_of("red", left["edited.png"]) > 0.01


@pytest.mark.parametrize("version", FLAGS)
@pytest.mark.parametrize("key", KEYS, ids=("bearer", "x-goog-api-key"))
@pytest.mark.parametrize("path", PATHS)
def test_curl_draws_on_every_spelling_of_the_path(
    gateway: Gateway, tmp_path: Path, path: str, key: str, version: str
) -> None:
    script = (EXAMPLES / "gemini_text_to_image.sh").read_text()
    script = script.replace(
        "/v1beta/models/google/gemini-2.5-flash-image", path.format("gemini-2.5-flash-image")
    )
    script = script.replace(KEYS[0], key)
    run(gateway, script, tmp_path, version)
    assert looks((tmp_path / "lighthouse.png").read_bytes()) == ("PNG", (1024, 1024))


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == set(MADE)
