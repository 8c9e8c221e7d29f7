"""envoy.yaml as one Envoy runs it: the shipped file with this machine's addresses and absolute paths."""

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import yaml

Node = dict[str, Any]


def home() -> Path:
    """Where envoy.yaml lies: the source tree, else what the wheel installed."""
    tree = Path(__file__).parents[3]
    if (tree / "envoy.yaml").is_file():
        return tree
    return Path(sysconfig.get_path("data"), "share", "routerhub")


def render(source: Path, *, http: str, rest: str, grpc: str, admin: Path) -> str:
    """envoy.yaml of `source` for these addresses (`host:port`) and this admin socket, as YAML."""
    config: Node = yaml.safe_load((source / "envoy.yaml").read_text(encoding="utf-8"))
    resources = config["static_resources"]
    listener = _named(resources["listeners"], "public")
    _set_address(listener["address"], http)
    if sys.platform != "linux":
        del listener["socket_options"]  # their numbers are Linux's
    for name, address in (("routerhub_rest", rest), ("routerhub_grpc", grpc)):
        assignment = _named(resources["clusters"], name)["load_assignment"]
        _set_address(assignment["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"], address)
    transcoder = _named(_connection_manager(listener)["http_filters"], "transcoder")["typed_config"]
    transcoder["proto_descriptor"] = str(source / transcoder["proto_descriptor"])
    config["admin"]["address"] = {"pipe": {"path": str(admin), "mode": 0o600}}
    return yaml.dump(config, Dumper=_PlainDumper, sort_keys=False)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whatever the umask and whatever lay there."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


class _PlainDumper(yaml.SafeDumper):
    """Writes what the anchors of envoy.yaml stand for, so that changing one place changes only that."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _named(nodes: list[Node], name: str) -> Node:
    return next(node for node in nodes if node["name"] == name)


def _connection_manager(listener: Node) -> Node:
    config: Node = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return config


def _set_address(node: Node, address: str) -> None:
    host, _, port = address.rpartition(":")
    node["socket_address"].update(address=host.strip("[]"), port_value=int(port))
