"""Which model a name means, and which models there are."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Self, overload

from routerhub_server.catalogue.loading import CatalogueError, load_models
from routerhub_server.catalogue.model import GeminiModel, Model, OpenAIModel, Route
from routerhub_server.errors import ModelNotFoundError
from routerhub_server.upstreams.base import Interface

# What stands before the name in Google's resource names; its SDKs prepend the first to the second.
_RESOURCE_PREFIXES = ("models/", "publishers/google/models/")


class Catalogue:
    """The models that can be served, found by any of their names. Never changes once built."""

    def __init__(
        self,
        models: Iterable[Model],
        *,
        upstreams: Collection[str] | None = None,
        sandbox_only: bool = False,
    ) -> None:
        """Keep of each model the routes to `upstreams` (None: all of them), and only models that have one.

        With `sandbox_only` every model has one route, to the upstream `sandbox` under its own id. Raises
        CatalogueError where two models claim one name.
        """
        models = tuple(models)
        if sandbox_only:
            models = tuple(_routed(model, (Route(upstream="sandbox", model=model.id),)) for model in models)
        elif upstreams is not None:
            models = tuple(_through(models, upstreams))
        self._models = models
        self._by_name = _index(models)

    @classmethod
    def load(
        cls,
        overrides: Sequence[Mapping[str, Any]] = (),
        *,
        upstreams: Collection[str] | None = None,
        sandbox_only: bool = False,
    ) -> Self:
        """The shipped models with the configuration's `models:` merged in; see `load_models`."""
        return cls(load_models(overrides), upstreams=upstreams, sandbox_only=sandbox_only)

    @overload
    def resolve(self, interface: Literal["gemini"], name: str, method: str = ...) -> GeminiModel: ...
    @overload
    def resolve(self, interface: Literal["openai"], name: str, method: str = ...) -> OpenAIModel: ...
    @overload
    def resolve(self, interface: Interface, name: str, method: str = ...) -> Model: ...
    def resolve(self, interface: Interface, name: str, method: str = "generateContent") -> Model:
        """The model that `name` means on `interface`: an id or alias, exact case, with or without
        `models/`, `publishers/google/models/` and the vendor's prefix.

        Raises ModelNotFoundError, also for models of the other interface and for Gemini models that do not
        support `method`.
        """
        bare = name
        for prefix in _RESOURCE_PREFIXES:
            bare = bare.removeprefix(prefix)
        model = self._by_name.get((interface, bare))
        if model is None or (isinstance(model, GeminiModel) and method not in model.supported_methods):
            raise ModelNotFoundError(name.removeprefix("models/"), method=method)
        return model

    @overload
    def visible(self, interface: Literal["gemini"]) -> tuple[GeminiModel, ...]: ...
    @overload
    def visible(self, interface: Literal["openai"]) -> tuple[OpenAIModel, ...]: ...
    @overload
    def visible(self, interface: Interface | None = None) -> tuple[Model, ...]: ...
    def visible(self, interface: Interface | None = None) -> tuple[Model, ...]:
        """All models, or those of one interface, in the catalogue's order."""
        return tuple(model for model in self._models if interface in (None, model.interface))


def _routed(model: Model, routes: tuple[Route, ...]) -> Model:
    return model.model_copy(update={"routes": routes})


def _through(models: Iterable[Model], upstreams: Collection[str]) -> Iterator[Model]:
    """The models that have a route to one of `upstreams`, with those routes."""
    for model in models:
        routes = tuple(route for route in model.routes if route.upstream in upstreams)
        if routes:
            yield _routed(model, routes)


def _index(models: Iterable[Model]) -> dict[tuple[Interface, str], Model]:
    index: dict[tuple[Interface, str], Model] = {}
    for model in models:
        for name in _names(model):
            other = index.setdefault((model.interface, name), model)
            if other is not model:
                problem = f"the name '{name}' already means '{other.id}'"
                raise CatalogueError([(f"models['{model.id}']", problem)])
    return index


def _names(model: Model) -> Iterator[str]:
    """Everything that callers may write for the model: each name as it is, bare and with the prefix."""
    for name in (model.id, *model.aliases):
        bare = name.removeprefix(model.prefix)
        yield from dict.fromkeys((name, bare, model.prefix + bare))
