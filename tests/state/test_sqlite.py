import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path

PROCESSES, ROUNDS = 3, 40


async def test_processes_that_start_together_all_succeed(tmp_path: Path) -> None:
    """In lockstep, because only the moment of the first start matters: one round alone seldom collides."""
    arguments = (sys.executable, "-c", START, tmp_path, str(ROUNDS))
    starts = [
        await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE) for _ in range(PROCESSES)
    ]
    for start in starts:
        assert start.stdout
        assert await start.stdout.readline() == b"imported\n"
    begin = str(time.time() + 0.2).encode()
    outcomes = await asyncio.gather(*[start.communicate(begin) for start in starts])
    assert [output for output, _ in outcomes] == [b"opened all\n"] * PROCESSES


START = """
import asyncio, pathlib, sys, time
from routerhub_server.state import open_database
from routerhub_server.state.sqlite import prepare

async def migrate(state_dir: pathlib.Path) -> None:
    async with open_database(state_dir):
        pass

directory, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
print("imported", flush=True)
begin = float(sys.stdin.read())
for number in range(rounds):
    while time.time() < begin + number * 0.05:
        pass
    prepare(directory / str(number))
asyncio.run(migrate(directory / "whole"))
print("opened all")
"""
