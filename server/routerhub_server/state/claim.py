"""One server for one state directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from routerhub_server.state.errors import StateError, map_file_errors

LOCK_NAME = "serving.lock"


@contextmanager
def claimed(state_dir: Path) -> Iterator[None]:
    """Hold the directory, made if need be; the kernel lets go of it with the process. Raises StateError.

    Commands that read or write the database beside a server need no claim.
    """
    with map_file_errors(f"cannot create the state directory {state_dir}"):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with map_file_errors(f"cannot write to the state directory {state_dir}"):
        descriptor = os.open(state_dir / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(descriptor, state_dir)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, state_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StateError(f"another server runs on the state directory {state_dir}") from error
