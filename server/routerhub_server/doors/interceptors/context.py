"""Every call gets its context: request id, deadline, and one line in the log when it ends."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from routerhub_server.calls import Call, Door, current_call
from routerhub_server.capacity import ByteBudget
from routerhub_server.doors.interceptors.base import AroundInterceptor
from routerhub_server.doors.metadata import Metadata
from routerhub_server.settings import LimitSettings

log = structlog.get_logger("routerhub.calls")

REQUEST_ID = re.compile(r"[\w.:-]{1,128}")


class ContextInterceptor(AroundInterceptor):
    def __init__(self, door: Door, limits: LimitSettings, budget: ByteBudget) -> None:
        self._door: Door = door
        self._limits = limits
        self._budget = budget

    @asynccontextmanager
    async def around(self, method: str, context: Any) -> AsyncIterator[None]:
        metadata = Metadata.of(context)
        call = Call(
            request_id=request_id(metadata),
            door=self._door,
            method=method,
            deadline=asyncio.get_running_loop().time() + self._seconds(metadata, context),
        )
        current_call.set(call)
        started = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=call.request_id),
            self._budget.lease() as call.held,
        ):
            try:
                yield
            except (asyncio.CancelledError, GeneratorExit):
                call.facts.setdefault("outcome", "HUNG_UP")
                raise
            finally:
                _log(call, time.perf_counter() - started)
                if call.purchase is not None:
                    # A hang-up may come even now; the record is written all the same.
                    await asyncio.shield(call.purchase.delivered(handed_over="outcome" not in call.facts))

    def _seconds(self, metadata: Metadata, context: Any) -> float:
        """The nearest of: gRPC's deadline, what the SDK says it will wait, our own limit."""
        hints = (
            context.time_remaining() if self._door != "rest" else None,
            metadata.number("x-server-timeout"),
            metadata.number("x-stainless-read-timeout"),
        )
        return min(self._limits.call_seconds, *(hint for hint in hints if hint is not None), float("inf"))


def request_id(metadata: Metadata) -> str:
    """Envoy's id for the call, or one of our own: what the caller can quote and the log can find."""
    given = metadata.get("x-request-id") or ""
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _log(call: Call, seconds: float) -> None:
    log.info(
        "call",
        door=call.door,
        method=call.method,
        account=call.account.id if call.account else None,
        ms=round(seconds * 1000, 1),
        **{"outcome": "OK", **call.facts},
    )
