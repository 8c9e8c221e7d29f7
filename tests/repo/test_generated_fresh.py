"""gen/ is what scripts/generate.py makes of protos/."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).parents[2]
GEN = ROOT / "gen"


def generated(directory: Path) -> dict[str, bytes]:
    """Contents by path, without what Python leaves when it imports."""
    files = (path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("gen")
    subprocess.run([sys.executable, ROOT / "scripts" / "generate.py", out], check=True, timeout=60)
    return generated(out)


def test_generating_again_yields_the_same_files(fresh: dict[str, bytes]) -> None:
    assert sorted(fresh) == sorted(generated(GEN)), "run make generate"


def test_generating_again_yields_the_same_contents(fresh: dict[str, bytes]) -> None:
    committed = generated(GEN)
    assert [name for name in fresh if fresh[name] != committed.get(name)] == [], "run make generate"


def test_every_proto_has_its_module_and_stubs(fresh: dict[str, bytes]) -> None:
    for proto in (ROOT / "protos").rglob("*.proto"):
        module = proto.relative_to(ROOT / "protos").with_suffix("")
        suffixes = ["_pb2.py", "_pb2.pyi"]
        if proto.stem.endswith("_service"):
            suffixes += ["_pb2_grpc.py", "_pb2_grpc.pyi"]
        assert {f"{module}{suffix}" for suffix in suffixes} <= set(fresh)


def test_the_descriptor_set_holds_every_proto_and_its_imports_without_comments() -> None:
    descriptors = descriptor_pb2.FileDescriptorSet.FromString((GEN / "descriptors.binpb").read_bytes())
    files = {file.name: file for file in descriptors.file}
    ours = {str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").rglob("*.proto")}
    assert ours | {
        "google/api/annotations.proto",
        "google/api/http.proto",
        "google/api/httpbody.proto",
    } <= set(files)
    assert [name for name, file in files.items() if file.HasField("source_code_info")] == []
    assert [name for file in descriptors.file for name in file.dependency if name not in files] == []


def test_gen_is_a_source_root_without_init_files() -> None:
    assert list(GEN.rglob("__init__.py")) == []
