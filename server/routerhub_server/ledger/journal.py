"""Settlements that the database could not take, on this host's disk until it can.

The caller has its image by then: what it has cost must not be forgotten.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from routerhub_server.ledger.words import AttemptEnd, Body, Delivery, Failure

FILE_NAME = "settlements.jsonl"
REPLAYED_NAME = "settlements.replaying.jsonl"


@dataclass(frozen=True, slots=True)
class Settlement:
    """A durable write that ends something, and may be repeated."""

    what: Literal["succeed", "fail", "deliver"]
    request_id: str
    end: AttemptEnd | None = None
    failure: Failure | None = None
    body: Body | None = None
    delivery: Delivery | None = None


class Journal:
    """One file in the state directory, which no other process uses meanwhile."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME
        self._replayed = state_dir / REPLAYED_NAME

    def append(self, settlement: Settlement) -> None:
        """Write it down; it survives a power cut. Raises OSError."""
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(settlement) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            self._sync_directory()

    def entries(self) -> Iterator[Settlement]:
        """What was written down, oldest first; what is appended from now on belongs to the next time.

        A line that a crash has cut is left out. `clear` when all were replayed.
        """
        if not self._replayed.exists() and self._path.exists():
            self._path.rename(self._replayed)
        if self._replayed.exists():
            for line in self._replayed.read_bytes().splitlines():
                try:
                    yield msgspec.json.decode(line, type=Settlement)
                except msgspec.DecodeError:
                    continue

    def clear(self) -> None:
        """Forget what `entries` gave."""
        self._replayed.unlink(missing_ok=True)
        self._sync_directory()

    def _sync_directory(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
