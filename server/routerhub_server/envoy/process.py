"""One Envoy as a child process: started, watched, drained, stopped."""

import asyncio
import contextlib
import http.client
import os
import shutil
import sys
import tempfile
from pathlib import Path

from routerhub_server.envoy import config
from routerhub_server.envoy.admin import AdminClient

START_SECONDS = 30
STOP_SECONDS = 5
POLL_SECONDS = 0.05

# Runs between fork and Envoy: when the thread that forks (the one of the event loop) dies, even by SIGKILL,
# the kernel ends Envoy; the parent may have died before we asked for that. A `preexec_fn` would do the same
# in a copy of a process full of threads and their locks.
_EXEC = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class EnvoyError(Exception):
    """Envoy is missing or did not start; the message says what to do."""


class EnvoyProcess:
    """Envoy on envoy.yaml, with these addresses (`host:port`; port 0 of `http` picks a free one).

    `source` is the directory of envoy.yaml. The configuration as it runs is left in
    `state_dir/envoy/envoy.yaml`, readable by the owner only. Start it from the main thread: Envoy ends with
    the thread that started it.
    """

    def __init__(
        self,
        *,
        http: str,
        rest: str,
        grpc: str,
        state_dir: Path,
        concurrency: int | None = None,
        source: Path | None = None,
    ) -> None:
        self.http = http
        """The public address; after `start`, with the real port."""
        self._rest, self._grpc = rest, grpc
        self._source = source or config.home()
        self._directory = state_dir.absolute() / "envoy"
        # Worker threads. Few do: an image is seconds of waiting for a millisecond of Envoy.
        self._concurrency = concurrency or min(os.cpu_count() or 1, 4)
        # A socket's path is at most 107 bytes long; a state directory may be longer.
        self._runtime = tempfile.TemporaryDirectory(prefix="routerhub-", ignore_cleanup_errors=True)
        self._admin = AdminClient(Path(self._runtime.name, "admin"))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start Envoy and wait until it serves. Raises EnvoyError, leaving nothing behind."""
        try:
            self._process = await self._spawn(_find_envoy(), self._write_config())
            await self._until_ready(self._process)
        except BaseException:
            await self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._running.pid

    async def wait(self) -> int:
        """Wait until Envoy ends, for whatever reason; its exit status."""
        return await self._running.wait()

    async def stop_accepting(self) -> None:
        """Close the port, and every connection after its current calls."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            await self._admin.drain()

    async def drain(self, seconds: float) -> None:
        """Accept no more, and wait for calls in flight, at most this long."""
        await self.stop_accepting()
        with contextlib.suppress(OSError, http.client.HTTPException, TimeoutError):
            async with asyncio.timeout(seconds):
                active = await self._admin.active_requests()
                while active:
                    await asyncio.sleep(POLL_SECONDS)
                    active = await self._admin.active_requests()

    async def stop(self) -> None:
        """End Envoy; calls in flight are cut."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._runtime.cleanup()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise EnvoyError("Envoy is not started")
        return self._process

    def _write_config(self) -> Path:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / "envoy.yaml"
        text = config.render(
            self._source,
            http=self.http,
            rest=self._rest,
            grpc=self._grpc,
            admin=Path(self._runtime.name, "admin"),
        )
        config.write_private(path, text)
        return path

    async def _spawn(self, envoy: str, path: Path) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _EXEC, str(os.getpid()), envoy),
            *("--config-path", str(path), "--concurrency", str(self._concurrency)),
            # Without hot restart two Envoys on a machine share no memory and need no base ids.
            *("--disable-hot-restart", "--drain-strategy", "immediate"),
            *("--file-flush-interval-msec", "500"),  # the access log; 10 s unless told
            # custom_response is "work in progress", which Envoy would say at every start.
            *("--log-level", "warn", "--component-log-level", "misc:error"),
            env={},  # provider keys are none of its business
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: Envoy would exit without draining
        )

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._is_ready():
                    if process.returncode is not None:
                        raise EnvoyError(f"Envoy ended with status {process.returncode} instead of serving")
                    await asyncio.sleep(POLL_SECONDS)
                port = await self._admin.listening_port("public")
        except TimeoutError as error:
            raise EnvoyError(f"Envoy was not ready within {START_SECONDS} s") from error
        self.http = f"{self.http.rpartition(':')[0]}:{port}"

    async def _is_ready(self) -> bool:
        try:
            return await self._admin.ready()
        except (OSError, http.client.HTTPException):
            return False


def _find_envoy() -> str:
    """The Envoy of our own environment (the `up` extra), else the machine's."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("envoy", path=beside) or shutil.which("envoy")
    if found is None:
        raise EnvoyError("no `envoy` found: install the `up` extra, routerhub-images[up], or Envoy itself")
    return found
