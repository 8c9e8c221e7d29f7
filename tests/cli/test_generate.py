"""`routerhub generate`, against the gateway."""

import io
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from routerhub_server.cli.generate import generate, progress
from tests.conftest import Gateway
from tests.fakes.gemini import FakeGemini
from tests.fakes.gemini import error as gemini_error
from tests.fakes.pictures import picture
from tests.fakes.threads import in_thread

OPENAI, GEMINI = ("--model", "openai/gpt-image-2"), ("--model", "google/gemini-3-pro-image")
Generate = Callable[..., Result]


@pytest.fixture
def run(gateway: Gateway) -> Generate:
    """`run("a prompt", *options)`."""

    def invoke(*arguments: Any, address: str = gateway.grpc, key: str = gateway.key) -> Result:
        given = [*map(str, arguments), "--grpc", address]
        return CliRunner().invoke(generate, given, env={"ROUTERHUB_API_KEY": key})

    return invoke


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def test_image_is_written_and_described(run: Generate, tmp_path: Path) -> None:
    file = tmp_path / "fox.webp"
    result = run("a fox", *OPENAI, "-o", file, "--format", "webp", "--size", "1536x1024", "--compression", 50)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{file}  image/webp  {file.stat().st_size:,} bytes\n"
    assert (opened(file).format, opened(file).size) == ("WEBP", (1536, 1024))


@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_several_images_are_numbered(run: Generate, tmp_path: Path, model: tuple[str, str]) -> None:
    result = run("a fox", *model, "-o", tmp_path / "fox.png", "-n", 2, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    made = json.loads(result.stdout)
    assert made["files"] == [str(tmp_path / "fox-1.png"), str(tmp_path / "fox-2.png")]
    assert made["usage"][0]
    assert all(opened(Path(file)).format == "PNG" for file in made["files"])


def test_edit_sends_the_input_and_replaces_the_output(run: Generate, tmp_path: Path) -> None:
    before, after = tmp_path / "before.png", tmp_path / "after.png"
    before.write_bytes(picture(64, 64))
    after.write_bytes(b"an older one")
    result = run("make it winter", *GEMINI, "--edit", before, "-o", after, "--aspect-ratio", "16:9")
    assert (result.exit_code, result.stderr) == (0, "")
    width, height = opened(after).size
    assert 1.7 < width / height < 1.85


def test_refusal_names_every_violation_and_the_request_id(run: Generate, tmp_path: Path) -> None:
    result = run("a fox", *OPENAI, "-o", tmp_path / "fox.png", "--size", "7x7", "--format", "gif")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("routerhub: INVALID_ARGUMENT: ")
    assert "(INVALID_VALUE)\n" in result.stderr
    assert "\n  size: " in result.stderr
    assert "\n  output_format: " in result.stderr
    assert "\n  request id " in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*OPENAI, "--aspect-ratio", "1:1"), "--aspect-ratio is not an option of OpenAI models"),
        ((*GEMINI, "--format", "webp"), "--format is not an option of Gemini models"),
        ((*GEMINI, "--edit", "nowhere.png"), "File 'nowhere.png' does not exist"),
        ((*GEMINI, "-n", "11"), "11 is not in the range 1<=x<=10"),
        ((), "Missing option '--model'"),
    ],
)
def test_wrong_options_are_refused_before_any_call(
    run: Generate, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    result = run("a fox", *options, "-o", tmp_path / "fox.png", address="127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_missing_directory_is_noticed_before_an_image_is_bought(run: Generate, tmp_path: Path) -> None:
    result = run("a fox", *OPENAI, "-o", tmp_path / "none" / "fox.png", address="127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"routerhub: there is no directory {tmp_path / 'none'} to write to\n"


def test_image_that_cannot_be_written_is_kept_elsewhere(run: Generate, tmp_path: Path) -> None:
    taken = tmp_path / "fox-1.png"
    taken.mkdir()
    result = run("a fox", *OPENAI, "-o", tmp_path / "fox.png", "-n", 2, "--json")
    assert result.exit_code == 0
    assert f"{tmp_path / 'fox.png'}: Is a directory; writing to " in result.stderr
    files = [Path(file) for file in json.loads(result.stdout)["files"]]
    assert [opened(file).format for file in files] == ["PNG", "PNG"]
    for file in files:
        file.unlink()
    files[0].parent.rmdir()


def test_images_made_before_a_failure_are_written(start_gateway: Any, tmp_path: Path) -> None:
    with in_thread(FakeGemini()) as fake:
        upstream = {"kind": "gemini", "base_url": fake.base_url, "api_key": fake.key}
        gateway = start_gateway({"upstreams": {"gemini": upstream}})
        fake.next()
        refusal = gemini_error(400, "INVALID_ARGUMENT", "No more foxes.")
        fake.next(status=400, body=refusal.body, headers={"content-type": "application/json"})
        result = CliRunner().invoke(
            generate,
            ["a fox", *GEMINI, "-n", "3", "-o", str(tmp_path / "fox.png"), "--grpc", gateway.grpc],
            env={"ROUTERHUB_API_KEY": gateway.key},
        )
    assert result.exit_code == 2
    assert result.stderr.startswith("routerhub: INVALID_ARGUMENT: No more foxes. (UPSTREAM_REJECTED)\n")
    assert opened(tmp_path / "fox.png").format == "PNG"
    assert len(fake.requests) == 2


def test_answer_in_words_is_shown(run: Generate, tmp_path: Path) -> None:
    result = run("a fox [sandbox:no-image]", *GEMINI, "-o", tmp_path / "fox.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("routerhub: ")
    assert not (tmp_path / "fox.png").exists()


def test_unreachable_server_is_one_line(run: Generate, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    result = run("a fox", *OPENAI, "-o", tmp_path / "fox.png", address=address)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("routerhub: UNAVAILABLE: ")
    assert address in result.stderr
    assert result.stderr.count("\n") == 1


def test_unknown_key_is_said_without_repeating_it(run: Generate, tmp_path: Path) -> None:
    key = "rh_unknown_0123456789abcdefghijklmnop"
    result = run("a fox", *OPENAI, "-o", tmp_path / "fox.png", key=key)
    assert result.exit_code == 2
    assert result.stderr.startswith("routerhub: UNAUTHENTICATED: ")
    assert "(UNAUTHENTICATED)" in result.stderr
    assert key not in result.stderr


def test_time_limit_is_the_calls(run: Generate, tmp_path: Path) -> None:
    prompt = "a fox [sandbox:latency=5]"
    result = run(prompt, *OPENAI, "-o", tmp_path / "fox.png", "--timeout", 0.3)
    assert result.exit_code == 2
    assert result.stderr.startswith("routerhub: DEADLINE_EXCEEDED: ")


def test_progress_is_silent_without_a_terminal() -> None:
    said: list[str] = []
    with progress("generating", said.append):
        pass
    assert said == []
