"""The hall: the ordered steps of one request, whichever door it came through."""

import asyncio
from collections.abc import Mapping

from routerhub_server.calls import Call
from routerhub_server.catalogue import Catalogue, GeminiModel, Model
from routerhub_server.errors import (
    ContentBlockedError,
    ModelNotAllowedError,
    ModelNotFoundError,
    UpstreamTimeoutError,
)
from routerhub_server.renders import Renders
from routerhub_server.upstreams.base import Interface, Order, Reply, Request, Upstream
from routerhub_server.validation import check_request, model_name, with_defaults

INTERFACES: tuple[Interface, ...] = ("gemini", "openai")


class Pipeline:
    """Shared by both doors. Who the caller is has been settled before (the doors' interceptors)."""

    def __init__(
        self, catalogue: Catalogue, upstreams: Mapping[str, Upstream], renders: Renders, render_seconds: float
    ) -> None:
        self._catalogue = catalogue
        self._upstreams = upstreams
        self._renders = renders
        self._render_seconds = render_seconds

    async def generate(self, call: Call, interface: Interface, request: Request) -> Reply:
        """One request, from the typed message to a complete, checked reply.

        `request` belongs to the pipeline from here on: defaults are filled in place. Raises RouterHubError.
        """
        model = self.model(call, interface, model_name(request))
        check_request(request, model)
        order = self._order(call, with_defaults(request, model), model)
        reply = await self._renders.attend(self._render(model, order), call.deadline)
        call.facts.update(images=reply.facts.images, model_version=reply.facts.model_version)
        return reply

    def model(self, call: Call, interface: Interface, name: str) -> Model:
        """The model that the caller means. Raises ModelNotFoundError, ModelNotAllowedError."""
        model = self._catalogue.resolve(interface, name)
        call.facts["model"] = model.id
        if not _allowed(call, model):
            raise ModelNotAllowedError(f"This API key may not use the model {model.id!r}.")
        return model

    def models(self, call: Call) -> list[Model]:
        """The models that the caller may use, in the catalogue's order."""
        return [model for model in self._catalogue.visible() if _allowed(call, model)]

    def gemini_models(self, call: Call) -> list[GeminiModel]:
        return [model for model in self.models(call) if isinstance(model, GeminiModel)]

    def gemini_model(self, call: Call, name: str) -> GeminiModel:
        """One model of Google's list. Raises ModelNotFoundError, also for what the caller may not use."""
        model = self.listed_model(call, name)
        if not isinstance(model, GeminiModel):
            raise ModelNotFoundError(name.removeprefix("models/"), method="getModel")
        return model

    def listed_model(self, call: Call, name: str) -> Model:
        """One model of the list. Raises ModelNotFoundError, also for models that the caller may not use."""
        for interface in INTERFACES:
            try:
                model = self._catalogue.resolve(interface, name)
            except ModelNotFoundError:
                continue
            if _allowed(call, model):
                return model
        raise ModelNotFoundError(name.removeprefix("models/"), method="getModel")

    def _order(self, call: Call, request: Request, model: Model) -> Order:
        return Order(request=request, model=model.routes[0].model, request_id=call.request_id)

    async def _render(self, model: Model, order: Order) -> Reply:
        upstream = self._upstreams[model.routes[0].upstream]
        try:
            async with asyncio.timeout(self._render_seconds):
                return await upstream.render(order)
        except TimeoutError as error:
            raise UpstreamTimeoutError(
                f"The upstream did not answer within {self._render_seconds:g} s.", spent="possible"
            ) from error


def _allowed(call: Call, model: Model) -> bool:
    return call.account is not None and call.account.allows(model.id)


BLOCKING = frozenset(
    {
        "SAFETY",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
    }
)
"""Gemini's finish reasons that mean the output was blocked."""


def refuse_blocked(reply: Reply) -> None:
    """For callers whose contract has no room for an empty success. Raises ContentBlockedError."""
    facts = reply.facts
    if facts.block_reason:
        raise ContentBlockedError(f"The prompt was blocked: {facts.block_reason}.")
    blocked = [reason for reason in facts.finish_reasons if reason in BLOCKING]
    if blocked and not facts.images:
        raise ContentBlockedError(f"The output was blocked: {blocked[0]}.")
