"""The small sections: addresses, bounds, the log."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MIB = 1024 * 1024


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def split_address(address: str) -> tuple[str, int]:
    """`host:port` (or `[v6]:port`) as its two parts. Raises ValueError."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


class ListenSettings(Section):
    """Addresses, each `host:port`; port 0 picks a free one."""

    http: str = "127.0.0.1:8080"
    """Envoy's public address (only `routerhub up` starts Envoy)."""
    grpc: str = "127.0.0.1:50051"
    """The typed gRPC service."""
    rest: str = "127.0.0.1:50052"
    """The REST door; only Envoy talks to it."""
    admin: str = "127.0.0.1:9090"
    """Health and metrics; keep it on loopback."""
    admin_grpc: str = "127.0.0.1:50053"
    """The operators' gRPC service; `routerhub up` takes any free port on loopback unless this is set."""

    @field_validator("*")
    @classmethod
    def _address(cls, value: str) -> str:
        split_address(value)
        return value


class LimitSettings(Section):
    """Bounds of the process, each with its unit in the name."""

    body_bytes: int = Field(64 * MIB, gt=0)
    """Largest request body, JSON with base64 or one gRPC message."""
    reply_bytes: int = Field(64 * MIB, gt=0)
    """Largest provider reply."""
    bytes_in_flight: int = Field(2048 * MIB, gt=0)
    """Bodies and replies held at once by the process; a call that would exceed it is told OVERLOADED."""
    call_seconds: float = Field(600, gt=0)
    """Longest that a call may take, whatever deadline its caller sends."""
    render_seconds: float = Field(600, gt=0)
    """Longest that one render may take, all attempts together; a model may have its own."""
    upload_seconds: float = Field(120, gt=0)
    """Longest that a caller may take to send its request body."""
    drain_seconds: float = Field(60, gt=0)
    """How long calls in flight may go on after SIGTERM."""


class LogSettings(Section):
    """The log on standard error."""

    format: Literal["json", "console"] = "json"
    """One JSON object a line, or colours for people."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is left out below."""
