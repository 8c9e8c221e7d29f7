"""The ledger of one process: what it may buy, buys, and bought."""

import asyncio
import os
import platform
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, TypeVar

import structlog

from routerhub_server.accounts import Account
from routerhub_server.errors import RouterHubError
from routerhub_server.ledger import admission, processes, receipts, retention, transitions
from routerhub_server.ledger.clock import Clock, database_clock
from routerhub_server.ledger.journal import AttemptStart, Entry, Journal, Unrecorded
from routerhub_server.ledger.local import LocalLimits
from routerhub_server.ledger.processes import Rescue, no_rescue
from routerhub_server.ledger.receipts import Grouping, Receipt, Sum
from routerhub_server.ledger.replay import replay
from routerhub_server.ledger.words import Admission, Arrival, AttemptEnd, Body, Delivery, Failure, State
from routerhub_server.state import Database, StateError, tables
from routerhub_server.state.errors import map_file_errors

log = structlog.get_logger("routerhub.ledger")

T = TypeVar("T")

HEARTBEAT = 5.0
"""Seconds; a quarter of the lease."""
TIDYING = 3600.0
"""Seconds between two looks for what is old enough to be forgotten."""


class Ledger:
    """Every method raises StateError when the database fails: then nothing is known to be written.

    A method that has begun to write goes on when its caller is cancelled.
    """

    def __init__(
        self,
        database: Database,
        *,
        journal: Journal | None = None,
        clock: Clock = database_clock,
        rescue: Rescue = no_rescue,
        keep: timedelta | None = None,
    ) -> None:
        """With a journal, settlements that the database cannot take are written down and made later.

        While it is present, the ledger forgets what ended longer ago than `keep`; None: nothing.
        """
        self._database = database
        self._journal = journal
        self._clock = clock
        self._rescue = rescue
        self._keep = keep
        self._writes: set[asyncio.Task[Any]] = set()
        self._doubtful: dict[str, asyncio.Task[Admission]] = {}
        self._local = LocalLimits()
        self._unrecorded: dict[str, Unrecorded] = {}
        self.process = token_hex(16)
        """This process, in this life."""

    # --- one request, in the order of its writes

    async def admit(self, arrival: Arrival) -> Admission:
        """Admit a request and reserve its estimate; it is `queued` and this process owns it.

        Raises RateLimitedError, BudgetExhaustedError, KeyDisabledError.
        """
        request_id = token_hex(16)
        write = self._begin(
            self._database.transact(admission.admit, self._clock, self.process, request_id, arrival)
        )
        try:
            return await asyncio.shield(write)
        except RouterHubError:
            raise
        except BaseException:
            self._doubtful[request_id] = write  # it may be committed all the same
            raise

    def admit_unrecorded(self, account: Account, arrival: Arrival) -> Admission:
        """Admit a request of which the database is not told now: all its writes go to the journal.

        The account's limits hold for this process alone, and its budget is not asked what is left of it.
        Raises RateLimitedError, BudgetExhaustedError.
        """
        assert self._journal is not None
        request_id, now = token_hex(16), datetime.now(UTC)
        quotas = self._local.admit(account, request_id, arrival, now)
        self._unrecorded[request_id] = Unrecorded(arrival, self.process, now)
        return Admission(request_id, account.id, arrival.model, now, arrival.estimate, tuple(quotas))

    async def start_attempt(self, request_id: str, number: int, upstream: str, model: str) -> None:
        """Before anything is sent, while a slot in the upstream's pool is held. `number` counts from 1.

        Raises SweptError and BudgetExhaustedError; whatever it raises, nothing may be sent.
        """
        if unrecorded := self._unrecorded.get(request_id):
            entry = Entry("start", request_id, start=AttemptStart(number, upstream, model))
            return await self._see_through(self._write_down(entry, unrecorded))
        await self._see_through(
            self._database.transact(
                transitions.start_attempt, self._clock, self.process, request_id, number, upstream, model
            )
        )

    async def end_attempt(self, request_id: str, end: AttemptEnd) -> bool:
        """An attempt ended after which another one may follow."""
        if unrecorded := self._unrecorded.get(request_id):
            await self._see_through(self._write_down(Entry("end", request_id, end), unrecorded))
            return True
        return await self._see_through(
            self._database.transact(transitions.end_attempt, self._clock, request_id, end)
        )

    async def succeed(self, request_id: str, end: AttemptEnd, body: Body | None = None) -> bool:
        """Settle a render that gave something, before the first byte of the reply.

        False where it was settled before: repeating a settlement does no harm.
        """
        return bool(await self._settle(Entry("succeed", request_id, end, body=body)))

    async def fail(
        self, request_id: str, failure: Failure, end: AttemptEnd | None = None, body: Body | None = None
    ) -> State | None:
        """Settle a render that failed; `end` is that of its last attempt, where that has not been told.

        `failed_free` where no attempt may have cost anything, else `failed_spent`; None where it was settled
        before, or written down for later.
        """
        state: State | None = await self._settle(Entry("fail", request_id, end, failure, body))
        return state

    async def deliver(self, request_id: str, delivery: Delivery) -> bool:
        """How the handling of the calls ended."""
        return bool(await self._settle(Entry("deliver", request_id, delivery=delivery)))

    # --- looking back

    async def receipt(self, request_id: str, account_id: str | None = None) -> Receipt | None:
        """None where there is none, or where it is another account's."""
        return await receipts.find(self._database, request_id, account_id)

    def receipts(
        self, since: datetime | None = None, until: datetime | None = None, account_id: str | None = None
    ) -> AsyncIterator[Receipt]:
        """Of requests admitted in [since, until), oldest first, without holding the database in between."""
        return receipts.stream(self._database, since, until, account_id)

    async def usage(
        self,
        by: Grouping,
        since: datetime | None = None,
        until: datetime | None = None,
        account_id: str | None = None,
    ) -> list[Sum]:
        """Sums over the attempts of requests admitted in [since, until)."""
        return await receipts.add_up(self._database, by, since, until, account_id)

    async def forget(self, before: datetime) -> int:
        """Remove what ended before then: how many requests. No counter changes."""
        return await retention.forget(self._database, before)

    # --- the life of the process

    @asynccontextmanager
    async def present(self) -> AsyncIterator[None]:
        """Live, for as long as the context lasts: requests can be admitted in it."""
        await self.beat()
        await self.make_up()
        tasks = [asyncio.create_task(self._live()), asyncio.create_task(self._tidy())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *self._writes, return_exceptions=True)
            with suppress(StateError):
                await self._database.transact(processes.leave, self.process)

    async def beat(self) -> None:
        """Say that this process lives."""
        name = f"{platform.node()} {os.getpid()}"
        await self._database.transact(processes.beat, self._clock, self.process, name)

    async def sweep(self) -> int:
        """Settle what dead processes have left behind: how many requests."""
        await self._undo_doubtful()
        return await processes.sweep(self._database, self._clock, self._rescue)

    async def make_up(self) -> int:
        """Write what was written down while the database was away: how many entries."""
        if self._journal is None:
            return 0
        with map_file_errors("cannot read what was written down"):
            entries = await asyncio.to_thread(self._journal.entries)
            for entry in entries:
                await self._database.transact(replay, self._clock, self.process, entry)
            if entries:
                self._journal.clear()
                log.warning("made_up", entries=len(entries))
        return len(entries)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            try:
                await self.beat()
                await self.make_up()
                if swept := await self.sweep():
                    log.warning("swept", requests=swept)
            except StateError as error:
                log.error("heartbeat_failed", error=str(error))
            except Exception:  # a heart that stops would have a living process called dead
                log.exception("heartbeat_failed")

    async def _tidy(self) -> None:
        while self._keep is not None:
            try:
                if forgotten := await self.forget(datetime.now(UTC) - self._keep):
                    log.info("forgotten", requests=forgotten)
            except StateError as error:
                log.error("tidying_failed", error=str(error))
            await asyncio.sleep(TIDYING)

    async def _undo_doubtful(self) -> None:
        """Undo admissions whose outcome this process never learned; nothing was sent for them."""
        for request_id, write in list(self._doubtful.items()):
            if write.done():
                await self._database.transact(
                    transitions.discard, request_id, tables.requests.c.owner == self.process
                )
                del self._doubtful[request_id]

    # --- how it writes

    async def _settle(self, settlement: Entry) -> Any:
        """What its transition answers; None where it was written down for later."""
        return await self._see_through(self._settle_or_write_down(settlement))

    async def _settle_or_write_down(self, settlement: Entry) -> Any:
        unrecorded = self._unrecorded.get(settlement.request_id)
        if unrecorded is not None:
            if settlement.what == "deliver":
                del self._unrecorded[settlement.request_id]
            else:
                self._local.end(unrecorded.arrival.account_id, settlement.request_id)
            return await self._write_down(settlement, unrecorded)
        try:
            return await self._write_settlement(settlement)
        except StateError as error:
            if self._journal is None:
                raise
            log.error("settlement_written_down", request=settlement.request_id, error=str(error))
            return await self._write_down(settlement)

    async def _write_settlement(self, settlement: Entry) -> Any:
        if settlement.what == "deliver":
            assert settlement.delivery is not None
            return await self._database.transact(
                transitions.deliver, self.process, settlement.request_id, settlement.delivery
            )
        return await self._database.transact(transitions.settle, self._clock, settlement)

    async def _write_down(self, entry: Entry, unrecorded: Unrecorded | None = None) -> None:
        assert self._journal is not None
        if unrecorded is not None:
            entry = replace(entry, unrecorded=unrecorded, at=datetime.now(UTC))
        with map_file_errors("cannot write down what a render has cost"):
            await asyncio.to_thread(self._journal.append, entry)

    async def _see_through(self, write: Coroutine[Any, Any, T]) -> T:
        """Finish the write even when the caller is cancelled meanwhile."""
        return await asyncio.shield(self._begin(write))

    def _begin(self, write: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(write)
        self._writes.add(task)
        task.add_done_callback(self._written)
        return task

    def _written(self, task: asyncio.Task[Any]) -> None:
        self._writes.discard(task)
        if not task.cancelled():
            task.exception()  # who was cancelled does not ask for it
