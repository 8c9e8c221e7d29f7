"""What a gateway's processes use, as Linux's /proc shows it."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Gateway


@dataclass(frozen=True, slots=True)
class Process:
    pid: int

    def cpu_seconds(self) -> float:
        """In user and system mode, since it started."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> int:
        """The most memory that it had since it started, or since `forget_peak`."""
        return self._mib("VmHWM")

    def memory_mib(self) -> int:
        return self._mib("VmRSS")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _mib(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(name))


@dataclass(frozen=True, slots=True)
class Processes:
    server: Process
    envoy: Process


def processes_of(gateway: Gateway) -> Processes:
    parent = gateway.process.pid
    tasks = Path(f"/proc/{parent}/task").iterdir()
    (child,) = (child for task in tasks for child in (task / "children").read_text().split())
    return Processes(Process(parent), Process(int(child)))
