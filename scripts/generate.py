"""Generates Python modules, type stubs and the descriptor set from protos/.

Usage: python scripts/generate.py [OUT]    (OUT defaults to gen/)
"""

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google import api
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GOOGLE_PROTOS = Path(next(iter(api.__path__))).parent.parent
WELL_KNOWN_PROTOS = files("grpc_tools") / "_proto"
# What errors carry: a transcoder that cannot look it up answers an error with an empty body.
ERROR_DETAILS = [GOOGLE_PROTOS / "google/rpc" / name for name in ("status.proto", "error_details.proto")]
TOOLS = Path(sys.executable).parent


def main(out: Path) -> None:
    """Replaces OUT/routerhub and OUT/descriptors.binpb, so that nothing stale stays."""
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        shutil.rmtree(out / "routerhub", ignore_errors=True)
        shutil.copytree(scratch, out, dirs_exist_ok=True)


def generate(out: Path) -> None:
    sources = sorted(PROTOS.rglob("*.proto"))
    services = [source for source in sources if source.stem.endswith("_service")]
    run(sources, f"--python_out={out}", f"--mypy_out=quiet:{out}")
    run(services, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}")
    run([*sources, *ERROR_DETAILS], f"--descriptor_set_out={out}/descriptors.binpb", "--include_imports")


def run(sources: list[Path], *outputs: str) -> None:
    plugins = [f"--plugin={name}={TOOLS / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    includes = [f"-I{path}" for path in (PROTOS, GOOGLE_PROTOS, WELL_KNOWN_PROTOS)]
    if protoc.main(["protoc", *includes, *plugins, *outputs, *map(str, sources)]) != 0:
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "gen")
