"""The lock files pin all that pyproject.toml and package.json ask for, by hash, and name no download host."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PYTHON_LOCK = (ROOT / "requirements.lock").read_text()
ABSENT = Version("0")
NODE_LOCK = ROOT / "tests/clients/node/package-lock.json"


def asked_for() -> Iterator[Requirement]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project: dict[str, Any] = pyproject["project"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *pyproject["dependency-groups"].values(),
    ]
    return (Requirement(entry) for entries in lists for entry in entries if isinstance(entry, str))


def pinned() -> dict[str, Version]:
    return {
        name: Version(version)
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", PYTHON_LOCK, re.MULTILINE)
    }


def test_python_lock_pins_what_the_project_asks_for() -> None:
    versions = pinned()
    unmet = [
        str(requirement)
        for requirement in asked_for()
        if versions.get(canonicalize_name(requirement.name), ABSENT) not in requirement.specifier
    ]
    assert unmet == [], "run make lock"


def test_python_lock_has_a_hash_for_every_package_and_nothing_else() -> None:
    entries = re.split(r"\n(?=\S)", PYTHON_LOCK.strip())
    assert [entry for entry in entries if not re.match(r"[\w.-]+==", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_node_lock_has_a_hash_for_every_package_and_no_host() -> None:
    packages = json.loads(NODE_LOCK.read_text())["packages"]
    assert packages.pop("")["dependencies"]
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
