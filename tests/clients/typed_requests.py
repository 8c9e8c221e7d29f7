"""Requests to the typed service, as proto JSON."""

from typing import Any


def content(prompt: str) -> dict[str, Any]:
    return {"model": "google/gemini-3-pro-image", "contents": [{"parts": [{"text": prompt}]}]}


def drawing(prompt: str, **params: Any) -> dict[str, Any]:
    return {"model": "openai/gpt-image-2", "prompt": prompt, **params}
