"""The admin address, as probes and scrapers see it."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from routerhub_server.admin import AdminServer


@pytest.fixture
def admin() -> Iterator[AdminServer]:
    registry = CollectorRegistry()
    Counter("renders", "Renders.", registry=registry).inc(3)
    server = AdminServer("127.0.0.1:0", registry)
    server.start()
    yield server
    server.stop()


def get(admin: AdminServer, path: str) -> httpx.Response:
    return httpx.get(f"http://{admin.address}{path}", trust_env=False, timeout=5)


def test_process_is_healthy_before_it_is_ready(admin: AdminServer) -> None:
    assert (get(admin, "/healthz").status_code, get(admin, "/readyz").status_code) == (200, 503)
    admin.ready.set()
    assert (get(admin, "/readyz").status_code, get(admin, "/readyz").text) == (200, "ready\n")
    admin.ready.clear()
    assert get(admin, "/readyz").status_code == 503


def test_metrics_are_prometheus_text(admin: AdminServer) -> None:
    reply = get(admin, "/metrics?name=x")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert "\nrenders_total 3.0\n" in reply.text


@pytest.mark.parametrize("path", ["/", "/metrics/", "/../etc/passwd"])
def test_other_paths_are_404(admin: AdminServer, path: str) -> None:
    assert get(admin, path).status_code == 404


def test_other_methods_change_nothing(admin: AdminServer) -> None:
    assert httpx.post(f"http://{admin.address}/healthz", trust_env=False).status_code == 501


def test_stop_frees_the_port() -> None:
    second = AdminServer("127.0.0.1:0", CollectorRegistry())
    second.start()
    second.stop()
    host, _, port = second.address.partition(":")
    socket.create_server((host, int(port))).close()
