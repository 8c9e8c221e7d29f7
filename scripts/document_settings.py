"""Write docs/configuration.md from the settings' own definitions.

`document_settings.py` writes it; `document_settings.py --check` fails when it is not up to date.
"""

import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from routerhub_server.settings import Section, Settings, UpstreamSettings

TARGET = Path(__file__).parents[1] / "docs" / "configuration.md"

INTRODUCTION = """\
# Configuration

<!-- Written by scripts/document_settings.py from server/routerhub_server/settings/: change it there. -->

Settings come from three places; a later one wins:

1. the YAML file given with `--config`,
2. the environment: `ROUTERHUB_` and the setting's path in capitals, its parts joined by two underscores
   (`ROUTERHUB_LIMITS__BODY_BYTES=1000000`),
3. the command line.

Provider keys and addresses also come from the variables that the vendors' own SDKs read: `GEMINI_API_KEY`,
`GEMINI_BASE_URL`, `OPENAI_API_KEY`, `OPENAI_BASE_URL` (with its `/v1`). They fill the upstreams named
`gemini` and `openai`, and bring them into being where the file has none.

`routerhub check --config FILE` says what is wrong with a configuration, setting by setting.

```yaml
listen:
  http: 0.0.0.0:8080
upstreams:
  gemini:
    kind: gemini
    api_key: ...
models:
  - id: google/gemini-3-pro-image
    limits: {max_input_images: 4}
  - id: openai/gpt-image-1
    enabled: false
```
"""


def page() -> str:
    lines = [INTRODUCTION, "## Settings\n", *rows(Settings, ""), ""]
    lines += [
        "## An upstream\n",
        "Each entry of `upstreams`, under a name that the catalogue's routes use.\n",
    ]
    lines += [*rows(UpstreamSettings, ""), ""]
    lines += [
        "## A model\n",
        "Each entry of `models` has the schema of the shipped catalogue,",
        "[models.yaml](../server/routerhub_server/catalogue/models.yaml), whose comments explain it.",
        "An entry with a known `id` is merged into that model, another adds a model, and",
        "`enabled: false` removes one.",
    ]
    return "\n".join(lines) + "\n"


def rows(section: type[BaseModel], prefix: str) -> Iterator[str]:
    yield "| setting | type | default | meaning |"
    yield "|---|---|---|---|"
    yield from _rows(section, prefix)


def _rows(section: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from _rows(inner, f"{prefix}{name}.")
        else:
            meaning = " ".join((field.description or "").split())
            yield f"| `{prefix}{name}` | {_type(inner)} | {_default(field)} | {meaning} |"


def _type(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        return _type(next(kind for kind in typing.get_args(annotation) if kind is not type(None)))
    if origin in (dict, list):
        return "mapping" if origin is dict else "list"
    names = {
        "str": "text",
        "int": "integer",
        "float": "number",
        "bool": "true or false",
        "SecretStr": "secret",
    }
    return names.get(annotation.__name__, annotation.__name__.lower())


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "" if field.default in (None, {}, []) else f"`{field.default}`"


def main() -> None:
    if "--check" not in sys.argv:
        TARGET.write_text(page(), encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != page():
        sys.exit("docs/configuration.md is not up to date: run `make generate`")


if __name__ == "__main__":
    main()
