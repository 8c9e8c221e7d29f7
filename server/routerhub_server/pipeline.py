"""The hall: the ordered steps of one request, whichever door it came through."""

import asyncio
from dataclasses import dataclass

import structlog

from routerhub_server.accounts import Accounts
from routerhub_server.calls import Call
from routerhub_server.catalogue import Catalogue, GeminiModel, Model
from routerhub_server.errors import (
    ContentError,
    ModelNotAllowedError,
    ModelNotFoundError,
    ProviderIdNotAllowedError,
    UpstreamBadReplyError,
)
from routerhub_server.metrics import Metrics
from routerhub_server.provider_ids import named_in
from routerhub_server.purchases import Purchase, Purchases, settled
from routerhub_server.quotas import quota_headers
from routerhub_server.renders import Renders
from routerhub_server.results import NoImage, as_error, classify, kind_of, mismatches
from routerhub_server.routing import Answer, Chain, Journey, Rendered, Verdict
from routerhub_server.settings import Settings
from routerhub_server.upstreams.base import Interface, Order, Reply, Request
from routerhub_server.validation import check_request, model_name, with_defaults

log = structlog.get_logger("routerhub.pipeline")

INTERFACES: tuple[Interface, ...] = ("gemini", "openai")
ANSWER_MARGIN = 0.1
"""Seconds before its deadline at which a call stops waiting to be served, so that it still hears why."""


@dataclass(frozen=True, slots=True)
class Result:
    """A complete reply, and what the gateway found in it."""

    reply: Reply
    no_image: NoImage | None

    def with_image(self) -> Reply:
        """The reply, for callers whose contract has no empty success. Raises ContentError."""
        if self.no_image is not None:
            raise as_error(self.no_image, self.reply.facts)
        return self.reply


class Pipeline:
    """Shared by both doors. Who the caller is has been settled before (the doors' interceptors)."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        accounts: Accounts,
        purchases: Purchases,
        chain: Chain,
        renders: Renders,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._accounts = accounts
        self._purchases = purchases
        self._chain = chain
        self._renders = renders
        self._metrics = metrics

    async def generate(self, call: Call, interface: Interface, request: Request) -> Result:
        """One request, from the typed message to a complete, checked reply.

        `request` belongs to the pipeline from here on: defaults are filled in place. Raises RouterHubError.
        """
        model = self.model(call, interface, model_name(request))
        check_request(request, model)
        await self._check_provider_ids(call, request)
        order = Order(with_defaults(request, model), model.bare_id, call.request_id)
        result = await self._renders.attend(self._buy(call, model, order), call.deadline)
        call.held.note(result.reply.size)
        return result

    async def _buy(self, call: Call, model: Model, order: Order) -> Result:
        """Admission, render, settlement: a task of the process."""
        assert call.account is not None, "the doors let nobody in without an account"
        purchase = call.purchase = await self._purchases.admit(call.account, model, order, call.door)
        call.headers["x-routerhub-request-id"] = purchase.id
        call.headers |= quota_headers(purchase.admission.quotas)
        try:
            async with settled(purchase):
                rendered = await self._render(call, model, order, purchase)
                return self._look(call, model, order, rendered)
        finally:
            call.headers["x-routerhub-cost"] = call.facts["cost"] = purchase.price

    async def _render(self, call: Call, model: Model, order: Order, purchase: Purchase) -> Rendered:
        now = asyncio.get_running_loop().time()
        seconds = model.render_seconds or self._settings.limits.render_seconds
        journey = Journey(
            order, diary=purchase, until=now + seconds, caller_until=call.deadline - ANSWER_MARGIN
        )
        try:
            return await self._chain.render(journey, model.routes, lambda answer: self._judge(order, answer))
        except ContentError as error:
            kind = kind_of(error)
            error.metadata.setdefault("no_image", kind)
            self._tell_no_image(call, model, kind)
            raise
        finally:
            self._tell_journey(call, journey)

    def _judge(self, order: Order, answer: Answer) -> Verdict:
        """What the operator wants done with this answer."""
        kind = kind_of(answer) if isinstance(answer, ContentError) else classify(order.request, answer.facts)
        return self._settings.no_image.get(kind, "return") if kind else "return"

    def _look(self, call: Call, model: Model, order: Order, rendered: Rendered) -> Result:
        """Look at what came back, and say what is odd about it."""
        facts = rendered.reply.facts
        call.facts.update(images=facts.images, model_version=facts.model_version)
        for name in facts.unknown_fields:
            if self._metrics.unknown_field(rendered.upstream, name):
                log.warning("unknown_field", upstream=rendered.upstream, field=name)
        kind = classify(order.request, facts)
        if kind is not None:
            self._tell_no_image(call, model, kind)
            return Result(rendered.reply, kind)
        self._compare(call, model, order, rendered)
        return Result(rendered.reply, None)

    def _compare(self, call: Call, model: Model, order: Order, rendered: Rendered) -> None:
        found = mismatches(order.request, rendered.reply.facts)
        if not found:
            return
        delivered = call.headers["x-routerhub-delivered"] = ", ".join(found)
        call.facts["delivered"] = delivered
        for mismatch in found:
            self._metrics.mismatch(model.id, mismatch.partition("=")[0])
        if self._settings.mismatch == "fail":
            raise UpstreamBadReplyError(
                f"The upstream delivered something else than was asked for: {delivered}.", spent="yes"
            )

    def _tell_no_image(self, call: Call, model: Model, kind: NoImage) -> None:
        call.headers["x-routerhub-no-image"] = kind
        call.facts["no_image"] = kind
        self._metrics.no_image(model.id, kind)

    def _tell_journey(self, call: Call, journey: Journey) -> None:
        call.facts["attempts"] = len(journey.attempts)
        if journey.passed_over:
            call.facts["passed_over"] = journey.passed_over
        if not journey.attempts:
            return
        last = journey.answered_by or journey.attempts[-1]
        call.facts.update(upstream=last.upstream, upstream_model=last.model)
        if self._settings.reply_headers:
            call.headers["x-routerhub-upstream"] = last.upstream
            call.headers["x-routerhub-model"] = last.model
            call.headers["x-routerhub-attempts"] = str(len(journey.attempts))

    async def _check_provider_ids(self, call: Call, request: Request) -> None:
        """Raises ProviderIdNotAllowedError."""
        field = next(named_in(request), None)
        if field is None:
            return
        assert call.account is not None, "the doors let nobody in without an account"
        if not await self._accounts.may_name_provider_ids(call.account):
            raise ProviderIdNotAllowedError(field)

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


def _allowed(call: Call, model: Model) -> bool:
    return call.account is not None and call.account.allows(model.id)
