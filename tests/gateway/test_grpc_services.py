"""What a stranger with grpcurl finds, past Envoy and through it."""

import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from routerhub.images.v1.rest_service_pb2_grpc import RestServiceStub
from tests.conftest import Gateway

PUBLIC = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "routerhub.images.v1.ImageGenerationService",
}


@pytest.fixture(params=["direct", "through Envoy"])
def address(request: pytest.FixtureRequest, gateway: Gateway) -> str:
    return gateway.grpc if request.param == "direct" else gateway.host


def grpcurl(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "grpcurl"
    return subprocess.run(
        [str(program), "-plaintext", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_reflection_lists_the_public_services_alone(address: str) -> None:
    listed = grpcurl(address, "list")
    assert set(listed.stdout.split()) == PUBLIC, listed.stderr
    described = grpcurl(address, "describe", "routerhub.images.v1.ImageGenerationService")
    assert "rpc GenerateContent" in described.stdout
    hidden = grpcurl(address, "describe", "routerhub.images.v1.RestService")
    assert hidden.returncode != 0


@pytest.mark.parametrize("service", ["", "routerhub.images.v1.ImageGenerationService"])
def test_health_is_serving(address: str, service: str) -> None:
    done = grpcurl("-d", json.dumps({"service": service}), address, "grpc.health.v1.Health/Check")
    assert json.loads(done.stdout) == {"status": "SERVING"}, done.stderr


def test_image_comes_by_reflection_alone(gateway: Gateway, address: str) -> None:
    request = {"model": "gpt-image-2", "prompt": "a fox", "output_format": "jpeg"}
    done = grpcurl(
        *("-H", f"authorization: Bearer {gateway.key}", "-d", json.dumps(request), address),
        "routerhub.images.v1.ImageGenerationService/GenerateImages",
    )
    assert json.loads(done.stdout)["data"], done.stderr


def test_rest_service_cannot_be_called(gateway: Gateway, address: str) -> None:
    metadata = (("authorization", f"Bearer {gateway.key}"),)
    with grpc.insecure_channel(address) as channel:
        replies = RestServiceStub(channel).GenerateImages(iter(()), metadata=metadata, timeout=10)
        with pytest.raises(grpc.RpcError) as refused:
            next(replies)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
