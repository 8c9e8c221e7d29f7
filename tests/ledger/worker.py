"""A process with a ledger of its own, told what to do in lines of JSON; tests stop it and kill it.

python -m tests.ledger.worker STATE_DIR [DATABASE_URL]
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from routerhub_server.accounts import Account
from routerhub_server.errors import CapacityError
from routerhub_server.ledger import SweptError, database_clock
from tests.ledger.house import House, Place, arrival, open_house, paid

ROOT = Path(__file__).parents[2]


class Worker:
    """Such a process, seen from a test."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, what: str, **arguments: Any) -> Any:
        """Have it do something and wait for the answer."""
        self.tell(what, **arguments)
        return self.hear()

    def tell(self, what: str, **arguments: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"what": what, **arguments}) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the worker died"
        return json.loads(line)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()


@contextmanager
def running_worker(place: Place) -> Iterator[Worker]:
    arguments = [sys.executable, "-m", "tests.ledger.worker", str(place.state_dir), place.url or ""]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            worker = Worker(process)
            worker.hear()
            yield worker
        finally:
            process.kill()


async def serve(place: Place) -> None:
    hang = False

    def clock(connection: Connection) -> datetime:
        if hang:
            answer("hanging")
            time.sleep(3600)
        return database_clock(connection)

    async with open_house(place, clock) as house:
        answer("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            if order["what"] == "hang":
                hang = True
                order = {**order, "what": "admit"}
            answer(await obey(house, **order))


async def obey(house: House, what: str, account: str = "", **arguments: Any) -> Any:
    if what == "admit":
        found = await house.accounts.get(account)
        return (await house.admit(found, **arguments)).request_id
    if what == "start":
        try:
            await house.ledger.start_attempt(arguments["id"], arguments.get("number", 1), "gemini", "m")
        except SweptError:
            return "swept"
        return "started"
    if what == "succeed":
        return await house.ledger.succeed(arguments["id"], paid(arguments["cost"]))
    assert what == "many"
    return await many(house, await house.accounts.get(account), **arguments)


async def many(house: House, account: Account, tries: int, clients: int, **changes: Any) -> list[str]:
    """So many tries by so many clients at once: the ids of the requests that were admitted."""
    admitted: list[str] = []

    async def client() -> None:
        for _ in range(tries // clients):
            try:
                admission = await house.ledger.admit(arrival(account, **changes))
            except CapacityError:
                continue
            admitted.append(admission.request_id)

    await asyncio.gather(*(client() for _ in range(clients)))
    return admitted


def answer(value: Any) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Place(Path(sys.argv[1]), sys.argv[2] or None)))
