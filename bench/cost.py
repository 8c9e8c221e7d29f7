"""What calls cost the gateway: CPU per call, and peak memory of its two processes.

    python -m bench.cost [cpu] [memory]

A fake provider in this process answers at once with replies made beforehand, so what is measured is Envoy and
the server alone. Linux only: the figures come from /proc.
"""

import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from tests.conftest import Gateway, running_gateway
from tests.fakes.server import Answer, FakeServer, Received
from tests.fakes.threads import in_thread
from tests.gateway.resources import processes_of

MODEL = "gemini-3-pro-image"
PATH = f"/v1beta/models/{MODEL}:generateContent"
MIB = 2**20
CALLS = 200


class Provider(FakeServer):
    """Gemini's API with one reply for everybody."""

    def __init__(self) -> None:
        super().__init__("key")
        self.reply = b""

    def respond(self, request: Received) -> Answer:
        self.requests.clear()  # they hold their bodies
        return Answer(200, self.reply, {"content-type": "application/json"})


def image(size: int) -> bytes:
    """Bytes that compress as badly as an image's; the gateway does not look inside."""
    return b"\x89PNG\r\n\x1a\n" + os.urandom(size - 8)


def blob(data: bytes) -> dict[str, object]:
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}


def request_body(*images: bytes) -> bytes:
    return json.dumps({"contents": [{"parts": [*map(blob, images), {"text": "mix"}]}]}).encode()


def reply_body(size: int) -> bytes:
    content = {"role": "model", "parts": [blob(image(size))]}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 1120, "totalTokenCount": 1130}
    candidates = [{"content": content, "finishReason": "STOP", "index": 0}]
    return json.dumps({"candidates": candidates, "usageMetadata": usage, "modelVersion": MODEL}).encode()


def typed_request(*images: bytes) -> GenerateContentRequest:
    request = GenerateContentRequest(model=MODEL)
    content = request.contents.add(role="user")
    for data in images:
        part = content.parts.add().inline_data
        part.mime_type = "image/png"
        part.data = data
    content.parts.add(text="mix")
    return request


class Caller:
    """Calls of the four kinds, over connections that stay open."""

    def __init__(self, gateway: Gateway) -> None:
        self._http = httpx.Client(base_url=gateway.http, trust_env=False, timeout=120)
        self._http.headers.update({"x-goog-api-key": gateway.key, "content-type": "application/json"})
        self._metadata = (("authorization", f"Bearer {gateway.key}"),)
        self.direct, self.through_envoy = self._stub(gateway.grpc), self._stub(gateway.host)

    def _stub(self, address: str) -> ImageGenerationServiceStub:
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        return ImageGenerationServiceStub(grpc.insecure_channel(address, options=options))

    def rest(self, body: bytes) -> None:
        reply = self._http.post(PATH, content=body)
        assert reply.status_code == 200, reply.text[:500]

    def grpc(self, stub: ImageGenerationServiceStub, request: GenerateContentRequest) -> None:
        reply = stub.GenerateContent(request, metadata=self._metadata)
        assert reply.candidates


def cpu(gateway: Gateway, provider: Provider) -> None:
    """A sequence of calls, one at a time."""
    caller, processes = Caller(gateway), processes_of(gateway)
    picture = image(3 * MIB // 2)
    plain, edit = request_body(), request_body(picture)
    typed, typed_edit = typed_request(), typed_request(picture)
    provider.reply = reply_body(3 * MIB // 2)
    kinds: dict[str, Callable[[], None]] = {
        "REST, 1.5 MiB image out": lambda: caller.rest(plain),
        "REST, 1.5 MiB in and out": lambda: caller.rest(edit),
        "gRPC, 1.5 MiB image out": lambda: caller.grpc(caller.direct, typed),
        "gRPC, 1.5 MiB in and out": lambda: caller.grpc(caller.direct, typed_edit),
        "gRPC through Envoy, 1.5 MiB out": lambda: caller.grpc(caller.through_envoy, typed),
    }
    print(f"\n{'CPU per call':34}{'server ms':>10}{'envoy ms':>10}{'wall ms':>10}")
    for name, call in kinds.items():
        for _ in range(20):
            call()
        before = processes.server.cpu_seconds(), processes.envoy.cpu_seconds()
        started = time.perf_counter()
        for _ in range(CALLS):
            call()
        wall = (time.perf_counter() - started) / CALLS * 1000
        server = (processes.server.cpu_seconds() - before[0]) / CALLS * 1000
        envoy = (processes.envoy.cpu_seconds() - before[1]) / CALLS * 1000
        print(f"{name:34}{server:10.2f}{envoy:10.2f}{wall:10.2f}", flush=True)


def memory(gateway: Gateway, provider: Provider) -> None:
    """The peak of calls at once, and what is kept afterwards."""
    caller, processes = Caller(gateway), processes_of(gateway)
    inputs = [image(5 * MIB) for _ in range(5)]
    plain, edit = request_body(), request_body(*inputs)
    typed, typed_edit = typed_request(), typed_request(*inputs)
    kinds: dict[str, tuple[int, Callable[[], None]]] = {
        "REST, 25 MiB of images in": (MIB, lambda: caller.rest(edit)),
        "gRPC, 25 MiB of images in": (MIB, lambda: caller.grpc(caller.direct, typed_edit)),
        "gRPC via Envoy, 25 MiB in": (MIB, lambda: caller.grpc(caller.through_envoy, typed_edit)),
        "REST, 20 MB image out": (20_000_000, lambda: caller.rest(plain)),
        "gRPC, 20 MB image out": (20_000_000, lambda: caller.grpc(caller.direct, typed)),
        "gRPC via Envoy, 20 MB out": (20_000_000, lambda: caller.grpc(caller.through_envoy, typed)),
    }
    both = processes.server, processes.envoy
    print("\nMemory in MiB; idle: server {}, envoy {}".format(*(one.memory_mib() for one in both)))
    print(f"{'':28}{'at once':>8}{'server peak':>12}{'then':>6}{'envoy peak':>12}{'then':>6}{'seconds':>9}")
    for name, (size, call) in kinds.items():
        provider.reply = reply_body(size)
        for count in (1, 8):
            for one in both:
                one.forget_peak()
            seconds = at_once(count, call)
            time.sleep(0.2)  # what is freed after the last byte
            figures = "".join(f"{one.peak_mib():12}{one.memory_mib():6}" for one in both)
            print(f"{name:28}{count:8}{figures}{seconds:9.2f}", flush=True)


def at_once(count: int, call: Callable[[], None]) -> float:
    """Seconds until the last of `count` calls in threads has ended."""
    started = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(call) for _ in range(count)]:
            done.result()
    return time.perf_counter() - started


@contextmanager
def gateway_and_provider() -> Iterator[tuple[Gateway, Provider]]:
    with in_thread(Provider()) as provider, tempfile.TemporaryDirectory() as directory:
        config = {"upstreams": {"gemini": {"kind": "gemini", "base_url": provider.url, "api_key": "key"}}}
        with running_gateway(Path(directory), config) as gateway:
            yield gateway, provider


def main(names: list[str]) -> None:
    measures = {"cpu": cpu, "memory": memory}
    for name in names or measures:
        with gateway_and_provider() as (gateway, provider):  # a fresh one each: memory is kept
            measures[name](gateway, provider)


if __name__ == "__main__":
    main(sys.argv[1:])
