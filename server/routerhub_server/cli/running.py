"""What `up` and `serve` share: run until told to stop, and start-up errors in one line."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from routerhub_server import logs, memory
from routerhub_server.accounts import AccountError
from routerhub_server.addresses import AddressError
from routerhub_server.catalogue import CatalogueError
from routerhub_server.cli.options import Refusal
from routerhub_server.envoy import EnvoyError
from routerhub_server.prices import PriceError
from routerhub_server.settings import Settings, SettingsError
from routerhub_server.state import StateError


def run(settings: Settings, main: Coroutine[Any, Any, None]) -> None:
    """Run the process's event loop. Exits 0 after a drain, 2 with one message when it cannot start."""
    logs.configure(settings.log)
    memory.keep_for_images()
    with start_up_errors():
        asyncio.run(main)


@contextmanager
def start_up_errors() -> Iterator[None]:
    try:
        yield
    except (
        AccountError,
        AddressError,
        CatalogueError,
        EnvoyError,
        PriceError,
        SettingsError,
        StateError,
    ) as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        raise Refusal(f"{error.strerror or error}") from error


def stop_signal() -> asyncio.Event:
    """Set by SIGTERM and Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    return stop


def say(line: str) -> None:
    """One line on standard output, where scripts read it at once."""
    print(line, file=sys.stdout, flush=True)
