"""Configuration of tests: models of their own, and the routes behind them."""

from typing import Any

Node = dict[str, Any]


def route(upstream: str, model: str, **more: Any) -> Node:
    return {"upstream": upstream, "model": model, **more}


def gemini_model(name: str, *routes: Node, **more: Any) -> Node:
    """An image model that callers know as `name`."""
    return _model(f"google/{name}", "gemini-image", routes, more)


def openai_model(name: str, *routes: Node, **more: Any) -> Node:
    return _model(f"openai/{name}", "openai-image", routes, more)


def _model(id_: str, model_class: str, routes: tuple[Node, ...], more: Node) -> Node:
    return {
        "id": id_,
        "model_class": model_class,
        "display_name": id_,
        "routes": list(routes),
        "lifecycle": {"stage": "STABLE"},
        "released": "2026-01-01",
        **more,
    }
