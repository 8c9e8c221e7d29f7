"""Models as data: names, classes, routes, limits and lifecycle."""

from routerhub_server.catalogue.catalogue import Catalogue
from routerhub_server.catalogue.loading import CatalogueError, load_models
from routerhub_server.catalogue.model import (
    FlexibleSize,
    GeminiLimits,
    GeminiModel,
    Lifecycle,
    Model,
    ModelClass,
    OpenAILimits,
    OpenAIModel,
    Route,
)

__all__ = [
    "Catalogue",
    "CatalogueError",
    "FlexibleSize",
    "GeminiLimits",
    "GeminiModel",
    "Lifecycle",
    "Model",
    "ModelClass",
    "OpenAILimits",
    "OpenAIModel",
    "Route",
    "load_models",
]
