"""Purchases: what one request writes into the ledger, from its reservation to its settlement."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from routerhub_server.accounts import Account
from routerhub_server.catalogue import Model
from routerhub_server.errors import OverloadedError, RouterHubError
from routerhub_server.ledger import Admission, Arrival, AttemptEnd, Failure, Ledger
from routerhub_server.prices import Cost, PriceBook, cost, estimate, format_money
from routerhub_server.routing import Answer, Attempt
from routerhub_server.state import StateError
from routerhub_server.upstreams.base import Order, Reply

log = structlog.get_logger("routerhub.purchases")

T = TypeVar("T")


class Purchases:
    def __init__(self, ledger: Ledger, book: PriceBook, *, fail_open: bool = False) -> None:
        """With `fail_open`, requests are admitted also while the database is away."""
        self._ledger = ledger
        self._book = book
        self._fail_open = fail_open

    async def admit(self, account: Account, model: Model, order: Order, door: str) -> "Purchase":
        """Reserve the dearest that the order can become.

        Raises RateLimitedError, BudgetExhaustedError, KeyDisabledError, and OverloadedError when the records
        cannot be written.
        """
        most = estimate(self._book, order.request, model, datetime.now(UTC))
        arrival = Arrival(
            account_id=account.id,
            model=model.id,
            interface=order.interface,
            door=door,
            images=most.images,
            tier=most.tier,
            estimate=most.nano,
            call_id=order.request_id,
        )
        return Purchase(self._ledger, self._book, await self._admission(account, arrival), model, order)

    async def _admission(self, account: Account, arrival: Arrival) -> Admission:
        if not self._fail_open:
            return await _written(self._ledger.admit(arrival))
        try:
            return await self._ledger.admit(arrival)
        except StateError as error:
            log.error("admitted_without_the_database", error=str(error))
            return self._ledger.admit_unrecorded(account, arrival)


class Purchase:
    """One admitted request. Exactly one of `succeed` and `fail` settles it."""

    def __init__(
        self, ledger: Ledger, book: PriceBook, admission: Admission, model: Model, order: Order
    ) -> None:
        self._ledger = ledger
        self._book = book
        self._model = model
        self._order = order
        self._end: AttemptEnd | None = None
        self._began = admission.at
        self.admission = admission
        self._cost = 0
        self._possible = False
        self._priced = True

    @property
    def id(self) -> str:
        return self.admission.request_id

    @property
    def price(self) -> str:
        """What all attempts have cost: `0.039 USD`, `possibly 0.039 USD`, or `unknown`."""
        if not self._priced:
            return "unknown"
        amount = format_money(self._cost, self._book.currency)
        return f"possibly {amount}" if self._possible else amount

    async def begin(self, number: int, attempt: Attempt) -> None:
        """Before anything is sent. Raises RouterHubError, and then nothing may be sent."""
        if self._end is not None:
            await _written(self._ledger.end_attempt(self.id, self._end))
            self._end = None
        self._began = datetime.now(UTC)
        try:
            await _written(self._ledger.start_attempt(self.id, number, attempt.upstream, attempt.model))
        except BaseException:
            self._end = AttemptEnd(number, "NOT_SENT", "no")  # it may be written all the same
            raise

    def ended(self, number: int, attempt: Attempt, answer: Answer | None) -> None:
        """What became of the attempt; written with what comes next."""
        facts = answer.facts if isinstance(answer, Reply) else None
        found = self._price(attempt, answer) if isinstance(answer, Reply) else None
        self._end = AttemptEnd(
            number, attempt.outcome, attempt.spent, images=facts.images if facts else 0, cost=found
        )
        if attempt.spent != "no":
            self._add(found.nano if found else self.admission.estimate, sure=attempt.spent == "yes")

    async def succeed(self) -> None:
        """Settle it, before the first byte of the reply."""
        assert self._end is not None, "a reply comes from an attempt"
        await self._settled(self._ledger.succeed(self.id, self._end))

    async def fail(self, reason: str) -> None:
        """Settle it as failed; what its attempts may have cost stays counted."""
        await self._settled(self._ledger.fail(self.id, Failure(reason), self._end))

    async def delivered(self, *, handed_over: bool) -> None:
        """How the handling of its call ended."""
        await self._settled(self._ledger.deliver(self.id, "handed_over" if handed_over else "detached"))

    def _price(self, attempt: Attempt, reply: Reply) -> Cost:
        route = next(
            route
            for route in self._model.routes
            if (route.upstream, route.model) == (attempt.upstream, attempt.model)
        )
        return cost(self._book, reply.facts, self._order.request, self._model, route, self._began)

    def _add(self, nano: int | None, *, sure: bool) -> None:
        """What an attempt has cost; None: its price is not known."""
        self._priced = self._priced and nano is not None
        self._possible = self._possible or not sure
        self._cost += nano or 0

    async def _settled(self, write: Awaitable[object]) -> None:
        """The caller gets what was paid for, whatever becomes of the record."""
        try:
            await write
        except StateError as error:
            log.error("not_settled", purchase=self.id, error=str(error))


async def _written(write: Awaitable[T]) -> T:
    """Without a record nothing is bought."""
    try:
        return await write
    except StateError as error:
        log.error("not_written", error=str(error))
        raise OverloadedError("The records cannot be written at the moment.", retry_after=1) from error


@asynccontextmanager
async def settled(purchase: Purchase) -> AsyncIterator[None]:
    """Settle the purchase by how the block ends, a cancelled one included."""
    try:
        yield
    except RouterHubError as error:
        await purchase.fail(error.reason)
        raise
    except BaseException as error:
        await purchase.fail("INTERNAL" if isinstance(error, Exception) else "CANCELLED")
        raise
    else:
        await purchase.succeed()
