"""What the database could not take, on this host's disk until it can.

The caller has its image by then: what it has cost must not be forgotten.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec

from routerhub_server.ledger.words import Arrival, AttemptEnd, Body, Delivery, Failure

FILE_NAME = "settlements.jsonl"
REPLAYED_NAME = "settlements.replaying.jsonl"


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A request that was admitted while the database was away."""

    arrival: Arrival
    process: str
    """Whose request it is."""
    at: datetime
    """By this host's clock, UTC."""


@dataclass(frozen=True, slots=True)
class AttemptStart:
    """An attempt that is about to send something."""

    number: int
    upstream: str
    model: str
    """The id that the upstream is asked for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A durable write that may be repeated; every one of an unrecorded request says all of that."""

    what: Literal["start", "end", "succeed", "fail", "deliver"]
    request_id: str
    end: AttemptEnd | None = None
    failure: Failure | None = None
    body: Body | None = None
    delivery: Delivery | None = None
    start: AttemptStart | None = None
    unrecorded: Unrecorded | None = None
    at: datetime | None = None
    """Of an unrecorded request: when, by this host's clock. None: when the database learns of it."""


class Journal:
    """One file in the state directory, which no other process uses meanwhile."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME
        self._replayed = state_dir / REPLAYED_NAME
        self._lock = Lock()  # writers have threads of their own

    def append(self, entry: Entry) -> None:
        """Write it down; it survives a power cut. Raises OSError."""
        with self._lock:
            is_new = not self._path.exists()
            descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            try:
                _write(descriptor, msgspec.json.encode(entry))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                self._sync_directory()

    def entries(self) -> Sequence[Entry]:
        """What was written down, oldest first; what is appended from now on belongs to the next time.

        A line that a crash has cut is left out. `clear` when all were replayed. Raises OSError.
        """
        with self._lock:
            if not self._replayed.exists() and self._path.exists():
                self._path.rename(self._replayed)
            lines = self._replayed.read_bytes().splitlines() if self._replayed.exists() else []
        return [entry for entry in map(_read, lines) if entry is not None]

    def clear(self) -> None:
        """Forget what `entries` gave. Raises OSError."""
        self._replayed.unlink(missing_ok=True)
        self._sync_directory()

    def _sync_directory(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(descriptor: int, line: bytes) -> None:
    # It begins a line of its own even after one that a full disk has cut.
    data = b"\n" + line + b"\n"
    if os.write(descriptor, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError:
        return None
