"""Reads the shipped models and lays the configuration's own over them."""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import yaml
from pydantic import ValidationError

from routerhub_server.catalogue.model import GeminiModel, Model, OpenAIModel

_CLASSES: Mapping[str, type[Model]] = {
    "gemini-image": GeminiModel,
    "gemini-text": GeminiModel,
    "openai-image": OpenAIModel,
}


class CatalogueError(ValueError):
    """The models as configured cannot work; each problem names its place, e.g. `models[2].limits.sizes`."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for path, problem in problems))
        self.problems = tuple(problems)
        """Pairs of (path, what is wrong there)."""

    @property
    def path(self) -> str:
        """The place of the first problem."""
        return self.problems[0][0]


def load_models(overrides: Sequence[Mapping[str, Any]] = ()) -> tuple[Model, ...]:
    """The shipped models with `overrides` (the configuration's `models:`) merged in, in a stable order.

    Raises CatalogueError listing every problem of every entry.
    """
    entries = _by_id(_shipped())
    for position, item in enumerate(overrides):
        id_ = _id_of(item, position)
        entries[id_] = _merged(entries.get(id_, {}), item)
    problems: list[tuple[str, str]] = []
    models = [_model(id_, entry, problems) for id_, entry in entries.items() if _enabled(id_, entry)]
    if problems:
        raise CatalogueError(problems)
    return tuple(model for model in models if model)


def _shipped() -> list[Mapping[str, Any]]:
    text = resources.files("routerhub_server.catalogue").joinpath("models.yaml").read_text("utf-8")
    entries: list[Mapping[str, Any]] = yaml.safe_load(text)["models"]
    return entries


def _by_id(items: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {_id_of(item, position): dict(item) for position, item in enumerate(items)}


def _id_of(item: object, position: int) -> str:
    path = f"models[{position}]"
    if not isinstance(item, Mapping):
        raise CatalogueError([(path, "must be a mapping with an id")])
    id_ = item.get("id")
    if not isinstance(id_, str) or not id_:
        raise CatalogueError([(f"{path}.id", "must be a model id, e.g. 'google/gemini-3-pro-image'")])
    return id_


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`: mappings key by key, everything else replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(old, value)
        else:
            merged[key] = value
    return merged


def _enabled(id_: str, entry: dict[str, Any]) -> bool:
    enabled = entry.pop("enabled", True)
    if not isinstance(enabled, bool):
        raise CatalogueError([(f"models['{id_}'].enabled", "must be true or false")])
    return enabled


def _model(id_: str, entry: dict[str, Any], problems: list[tuple[str, str]]) -> Model | None:
    """The validated model, or None with its problems added to `problems`."""
    path = f"models['{id_}']"
    cls = _CLASSES.get(str(entry.get("model_class")))
    if cls is None:
        known = ", ".join(_CLASSES)
        problems.append((f"{path}.model_class", f"must be one of {known}, not {entry.get('model_class')!r}"))
        return None
    try:
        return cls.model_validate(entry)
    except ValidationError as error:
        problems += [(path + _joined(e["loc"]), _words(e["type"], e["msg"])) for e in error.errors()]
        return None


def _joined(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)


def _words(kind: str, message: str) -> str:
    """Pydantic's message, in the terms of a YAML file."""
    terms = {"tuple_type": "Input should be a list", "extra_forbidden": "Unknown field"}
    return terms.get(kind, message)
