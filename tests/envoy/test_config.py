"""envoy.yaml with one machine's addresses."""

import stat
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from routerhub_server.envoy import config

ROOT = Path(__file__).parents[2]
Node = dict[str, Any]


@pytest.fixture
def rendered(tmp_path: Path) -> Node:
    text = config.render(
        ROOT, http="[::1]:81", rest="10.0.0.1:82", grpc="server:83", admin=tmp_path / "admin"
    )
    parsed: Node = yaml.safe_load(text)
    return parsed


def shipped() -> Node:
    parsed: Node = yaml.safe_load((ROOT / "envoy.yaml").read_text())
    return parsed


def test_the_source_tree_is_found() -> None:
    assert config.home() == ROOT


def test_an_installation_without_the_source_tree_finds_what_the_wheel_brought(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(config, "__file__", str(tmp_path / "site-packages/routerhub_server/envoy/config.py"))
    assert config.home() == Path(sysconfig.get_path("data"), "share", "routerhub")


def test_addresses_are_set_by_name(rendered: Node) -> None:
    (listener,) = rendered["static_resources"]["listeners"]
    assert listener["address"]["socket_address"] == {"address": "::1", "port_value": 81}
    found = {}
    for cluster in rendered["static_resources"]["clusters"]:
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        found[cluster["name"]] = endpoint["address"]["socket_address"]
    assert found == {
        "routerhub_rest": {"address": "10.0.0.1", "port_value": 82},
        "routerhub_grpc": {"address": "server", "port_value": 83},
    }


def test_the_descriptor_path_is_absolute(rendered: Node) -> None:
    chain = rendered["static_resources"]["listeners"][0]["filter_chains"][0]
    filters = chain["filters"][0]["typed_config"]["http_filters"]
    (transcoder,) = [entry for entry in filters if entry["name"] == "transcoder"]
    assert transcoder["typed_config"]["proto_descriptor"] == str(ROOT / "gen/descriptors.binpb")


def test_admin_is_a_socket_of_the_owner(rendered: Node, tmp_path: Path) -> None:
    assert rendered["admin"]["address"] == {"pipe": {"path": str(tmp_path / "admin"), "mode": 0o600}}


def test_nothing_else_changes(rendered: Node) -> None:
    expected = shipped()
    for node in (rendered, expected):
        del node["admin"]["address"]
        listener = node["static_resources"]["listeners"][0]
        del listener["address"]
        transcoder = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][-2]
        del transcoder["typed_config"]["proto_descriptor"]
        for cluster in node["static_resources"]["clusters"]:
            del cluster["load_assignment"]
    assert rendered == expected


def test_a_private_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("open to all")
    path.chmod(0o666)
    config.write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
