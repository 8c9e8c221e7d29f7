"""Lints protos/ with buf by the rules of buf.yaml.

buf would fetch google/api from its registry; given an image that protoc made of everything, it needs no
network.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from generate import PROTOS, ROOT, TOOLS, run


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "image.binpb"
        sources = sorted(PROTOS.rglob("*.proto"))
        run(sources, f"--descriptor_set_out={image}", "--include_imports", "--include_source_info")
        lint = [TOOLS / "buf", "lint", image, "--path", "routerhub", "--config", ROOT / "buf.yaml"]
        return subprocess.run(lint, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
