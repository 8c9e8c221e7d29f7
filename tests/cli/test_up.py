"""`routerhub up` as somebody meets it who starts it for the first time, or wrongly."""

import os
import re
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from click.testing import CliRunner
from grpc_health.v1 import health_pb2, health_pb2_grpc

from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.cli.up import up
from tests.cli.programs import ANY_PORT, Running, routerhub, serving

CHOSEN = "rh_chosen-by-the-operator_0123456789"


def models(running: Running, key: str) -> int:
    url = f"{running.addresses['http']}/v1/models"
    return httpx.get(url, headers={"authorization": f"Bearer {key}"}, trust_env=False).status_code


def everything_answers(running: Running) -> None:
    """The very first calls, without a second try."""
    addresses = running.addresses
    assert models(running, running.key) == 200
    assert httpx.get(f"{addresses['admin']}/readyz", trust_env=False).status_code == 200
    for address in (addresses["grpc"], addresses["http"].removeprefix("http://")):
        with grpc.insecure_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
            assert health.status == health_pb2.HealthCheckResponse.SERVING
            reply = ImageGenerationServiceStub(channel).GenerateImages(
                GenerateImagesRequest(model="gpt-image-2", prompt="a fox", size="1024x1024"),
                metadata=(("authorization", f"Bearer {running.key}"),),
                timeout=10,
            )
            assert reply.data[0].b64_json.startswith(b"\x89PNG")


def test_first_start_prints_a_key_that_works_at_every_start(tmp_path: Path) -> None:
    state_dir, log = tmp_path / "state", tmp_path / "log"
    with serving("up", state_dir, log) as first:
        at = r"127\.0\.0\.1:[1-9]\d*"
        assert re.fullmatch(r"api-key rh_\w+\n", first.lines[0])
        assert re.fullmatch(rf"ready http=http://{at} grpc={at} admin=http://{at}\n", first.lines[1])
        everything_answers(first)
        assert first.stop() == (0, "")
    with serving("up", state_dir, log) as second:
        assert len(second.lines) == 1
        assert models(second, first.key) == 200
        assert second.stop() == (0, "")
    assert state_dir.stat().st_mode & 0o777 == 0o700


def test_chosen_first_key_works_and_is_not_written_to_the_log(tmp_path: Path) -> None:
    state_dir, log = tmp_path / "state", tmp_path / "log"
    with serving("up", state_dir, log, ROUTERHUB_BOOTSTRAP_KEY=CHOSEN) as running:
        assert running.key == CHOSEN
        assert models(running, CHOSEN) == 200
        other = routerhub("up", "--state-dir", str(state_dir), "--http", ANY_PORT, "--admin", ANY_PORT)
        assert_refused(other, f"another server runs on the state directory {state_dir}")
    assert CHOSEN not in log.read_text()


def test_host_names_are_looked_up(tmp_path: Path) -> None:
    options = ("--http", "localhost:0", "--grpc", "localhost:0", "--admin", "localhost:0")
    with serving("up", tmp_path / "state", tmp_path / "log", *options) as running:
        assert models(running, running.key) == 200


def assert_refused(done: "subprocess.CompletedProcess[str]", *said: str) -> None:
    """Status 2 and exactly these lines, nothing else."""
    assert done.returncode == 2, done.stderr
    assert (done.stdout, done.stderr) == ("", "routerhub: " + "\n".join(said) + "\n")


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("which", ["http", "grpc", "admin"])
def test_taken_port_is_named(tmp_path: Path, taken: str, which: str) -> None:
    addresses = {"http": ANY_PORT, "grpc": ANY_PORT, "admin": ANY_PORT, which: taken}
    options = [part for name, address in addresses.items() for part in (f"--{name}", address)]
    done = routerhub("up", "--state-dir", str(tmp_path / "state"), *options, ROUTERHUB_LOG__LEVEL="error")
    assert_refused(done, f"cannot listen on {taken}: Address already in use")


def test_unusable_state_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state_dir = tmp_path / "file" / "state"
    done = routerhub("up", "--state-dir", str(state_dir), "--http", ANY_PORT)
    assert_refused(done, f"cannot create the state directory {state_dir}: Not a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_state_directory_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = routerhub("up", "--state-dir", str(tmp_path), "--http", ANY_PORT)
    assert_refused(done, f"cannot write to the state directory {tmp_path}: Permission denied")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("limits: {drain: 3}", "limits.drain: there is no such setting"),
        ("listen: {http: nowhere}", "listen.http: 'nowhere' is not HOST:PORT"),
    ],
)
def test_wrong_configuration_is_refused_before_anything_starts(
    tmp_path: Path, config: str, said: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(config)
    done = CliRunner().invoke(up, ["--config", str(file), "--state-dir", str(tmp_path / "state")])
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"routerhub: {file}: {said}\n")
    assert not (tmp_path / "state").exists()


def test_malformed_first_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    done = routerhub("up", "--state-dir", str(tmp_path), ROUTERHUB_BOOTSTRAP_KEY="too-short")
    assert_refused(
        done,
        "the bootstrap key is malformed: keys start with `rh_` and have at least 32 visible ASCII characters",
    )


def test_missing_envoy_says_what_to_install(tmp_path: Path) -> None:
    # A Python elsewhere, which has our packages and no Envoy beside it.
    (tmp_path / "python").symlink_to(Path(sys.executable).resolve())
    paths = [sysconfig.get_path("purelib"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    paths += ["server", "gen"]
    command = [str(tmp_path / "python"), "-m", "routerhub_server", "up"]
    command += ["--state-dir", str(tmp_path / "state")]
    done = subprocess.run(
        [*command, "--http", ANY_PORT, "--grpc", ANY_PORT, "--admin", ANY_PORT],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PYTHONPATH": os.pathsep.join(paths), "PATH": "", "ROUTERHUB_LOG__LEVEL": "error"},
    )
    assert_refused(done, "no `envoy` found: install the `up` extra, routerhub-images[up], or Envoy itself")
