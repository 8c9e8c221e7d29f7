"""The operators' service of a running gateway: where it is, where it is not, and who gets in."""

import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from routerhub.admin.v1 import admin_service_pb2 as pb
from routerhub.admin.v1.admin_service_pb2_grpc import AdminServiceStub
from tests.cli.programs import routerhub, serving
from tests.conftest import Gateway
from tests.gateway.operators import address_of, operator

ADMIN = "routerhub.admin.v1.AdminService"


def grpcurl(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "grpcurl"
    return subprocess.run(
        [str(program), "-plaintext", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def token_of(gateway: Gateway) -> str:
    return (gateway.state_dir / "admin-token").read_text().strip()


@pytest.mark.parametrize("place", ["direct", "through Envoy"])
def test_public_servers_do_not_know_it(gateway: Gateway, place: str) -> None:
    address = gateway.grpc if place == "direct" else gateway.host
    assert ADMIN not in grpcurl(address, "list").stdout
    assert grpcurl(address, "describe", ADMIN).returncode != 0
    metadata = (("authorization", f"Bearer {token_of(gateway)}"),)
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            AdminServiceStub(channel).ListAccounts(pb.ListAccountsRequest(), metadata=metadata, timeout=10)
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_own_server_serves_nothing_else(gateway: Gateway) -> None:
    address = address_of(gateway)
    listed = set(grpcurl(address, "list").stdout.split())
    assert listed == {ADMIN, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    assert grpcurl(address, "describe", "routerhub.images.v1.ImageGenerationService").returncode != 0
    assert (
        "SERVING" in grpcurl("-d", f'{{"service": "{ADMIN}"}}', address, "grpc.health.v1.Health/Check").stdout
    )
    assert address.startswith("127.0.0.1:")


def test_grpcurl_with_the_first_token_makes_an_account(gateway: Gateway) -> None:
    header = f"authorization: Bearer {token_of(gateway)}"
    request = '{"name": "by-hand", "limits": {"requestsPerMinute": 60}}'
    made = grpcurl("-H", header, "-d", request, address_of(gateway), f"{ADMIN}/CreateAccount")
    assert '"secret": "rh_' in made.stdout, made.stderr


def test_first_token_is_its_owners_alone_and_in_no_log(gateway: Gateway) -> None:
    path = gateway.state_dir / "admin-token"
    assert path.stat().st_mode & 0o777 == 0o600
    with operator(gateway) as running:
        running.usage("day")
    assert token_of(gateway).split("_")[2] not in gateway.log.read_text()


def test_token_is_the_same_after_a_restart_and_new_after_the_last_is_gone(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "log"
    with serving("serve", state, log) as running:
        running.stop()
    first = (state / "admin-token").read_text()
    with serving("serve", state, log) as running:
        running.stop()
    assert (state / "admin-token").read_text() == first
    token_id = first.split("_")[1]
    assert routerhub("admin-tokens", "delete", token_id, "--state-dir", str(state)).returncode == 0
    with serving("serve", state, log) as running:
        running.stop()
    second = (state / "admin-token").read_text()
    assert second.startswith("rha_")
    assert second != first
