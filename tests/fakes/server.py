"""A small HTTP/1.1 server whose every byte can go wrong on purpose.

Subclasses answer as a provider does (`respond`); a test scripts what differs, one `Fault` a request:

    async with FakeGemini() as fake:
        fake.next(status=503, headers={"retry-after": "2"})      # then back to normal
        fake.next(cut_after=500)                                 # the proper reply, but 500 bytes of it
        fake.otherwise = Fault(hang=True)                        # whenever the script is empty
        ...
        assert fake.requests[0].json["contents"]
"""

import asyncio
import contextlib
import gzip
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self

LIMIT = 2**16
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """How one exchange departs from the proper one; the fields combine."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Added to the proper ones, or in their place. An empty value removes."""
    body: bytes | str | Mapping[str, Any] | list[Any] | None = None
    """In place of the proper body; a mapping or list is sent as JSON."""
    gzip: bool = False
    chunked: bool = False
    delay: float = 0
    """Seconds before the first byte of the reply."""
    hang: bool = False
    """Never reply; wait until the client goes away."""
    hold: threading.Event | None = None
    """Reply when it is set."""
    read_body: bool = True
    """False: act when the request's head is in, and leave its body unread."""
    cut_after: int | None = None
    """Close after this many bytes of the reply, its head included; 0 is no reply at all."""
    reset: bool = False
    """Close with RST instead of FIN (with `cut_after`)."""
    drip: tuple[int, float] | None = None
    """Send so many bytes at a time, with so many seconds after each."""
    raw: bytes | None = None
    """These bytes instead of an HTTP reply; then close."""
    close: bool = False
    """Close the connection after the reply without having announced it."""


@dataclass
class Received:
    """One request, as it arrived."""

    method: str
    path: str
    """With the query string."""
    headers: dict[str, str]
    """Names in lower case."""
    raw_headers: list[tuple[str, str]]
    body: bytes = b""
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client went away before the reply was sent in full."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, data: object, **headers: str) -> Answer:
    return Answer(status, json.dumps(data).encode(), {"content-type": "application/json", **headers})


class FakeServer:
    """Listens on a free port of the loopback while the context lasts."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.script: deque[Fault] = deque()
        self.otherwise = Fault()
        """What happens when the script is empty: nothing unusual."""
        self.requests: list[Received] = []
        self.connections = 0
        """Connections accepted so far."""
        self.open: set[asyncio.Task[None]] = set()
        """Connections being served."""
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Condition()

    def respond(self, request: Received) -> Answer:
        """What the provider would answer."""
        raise NotImplementedError

    def next(self, **fault: Any) -> None:
        """Script the next exchange not scripted yet."""
        self.script.append(Fault(**fault))

    async def until(self, condition: Callable[[], bool], seconds: float = 5) -> None:
        """Wait for something to become true of `requests`, `connections` or `open`. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=LIMIT, backlog=1000)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(0.01)  # a connection accepted just now must start before it can be ended
        for task in list(self.open):
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections += 1
        self.open.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:  # the fake is shutting down; streams would report it as an error
            pass
        finally:
            self.open.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            await self._notify()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request. Returns whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        request = _parse_head(head)
        self.requests.append(request)
        fault = self.script.popleft() if self.script else self.otherwise
        try:
            if fault.read_body:
                request.body = await reader.readexactly(int(request.headers.get("content-length", "0")))
            await self._notify()
            return await self._act(request, fault, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            request.hung_up.set()
            raise

    async def _act(
        self, request: Received, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        await _pause(fault, reader)
        reply = fault.raw if fault.raw is not None else _spell(self._answer(request, fault), fault)
        await _send(writer, reply[: fault.cut_after], fault.drip)
        ends = fault.raw is not None or fault.cut_after is not None or fault.close or not fault.read_body
        if ends and fault.reset:
            _reset(writer)
        return not ends

    def _answer(self, request: Received, fault: Fault) -> Answer:
        proper = self.respond(request) if fault.body is None or fault.status is None else None
        status = fault.status or (proper.status if proper else 200)
        if fault.body is None:
            assert proper is not None
            return Answer(status, proper.body, {**proper.headers, **fault.headers})
        if isinstance(fault.body, bytes):
            return Answer(status, fault.body, fault.headers)
        if isinstance(fault.body, str):
            return Answer(status, fault.body.encode(), {"content-type": "text/plain", **fault.headers})
        return json_answer(status, fault.body, **fault.headers)


def _parse_head(head: bytes) -> Received:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]
    return Received(method, path, {name.lower(): value for name, value in headers}, headers)


async def _pause(fault: Fault, reader: asyncio.StreamReader) -> None:
    """Wait as the fault says. Raises ConnectionError when the client goes away, unless it holds."""
    if fault.hold:
        await asyncio.to_thread(fault.hold.wait)
    if not fault.delay and not fault.hang:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if fault.hang else fault.delay):
            while fault.read_body and await reader.read(1):
                raise AssertionError("a second request before the first was answered")
            if not fault.read_body:
                await asyncio.Event().wait()
            raise ConnectionError("the client hung up")


def _spell(answer: Answer, fault: Fault) -> bytes:
    body, headers = answer.body, {**answer.headers}
    if fault.gzip:
        body = gzip.compress(body, 1)
        headers["content-encoding"] = "gzip"
    if fault.chunked:
        headers["transfer-encoding"] = "chunked"
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _pieces(body, 1000)) + b"0\r\n\r\n"
    else:
        headers.setdefault("content-length", str(len(body)))
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


async def _send(writer: asyncio.StreamWriter, data: bytes, drip: tuple[int, float] | None) -> None:
    size, seconds = drip or (max(len(data), 1), 0)
    for piece in _pieces(data, size):
        writer.write(piece)
        await writer.drain()
        if seconds:
            await asyncio.sleep(seconds)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
