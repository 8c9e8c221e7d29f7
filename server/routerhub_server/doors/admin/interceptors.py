"""What stands around every call of an operator, outermost first."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc.aio

from routerhub_server.accounts import AccountError, AdminTokens, NameTakenError, UnknownAccountError
from routerhub_server.calls import current_call
from routerhub_server.capacity import ByteBudget
from routerhub_server.doors.interceptors.base import AroundInterceptor
from routerhub_server.doors.interceptors.context import ContextInterceptor
from routerhub_server.doors.interceptors.failures import TypedFailuresInterceptor
from routerhub_server.doors.metadata import BEARER, Metadata
from routerhub_server.doors.replies import typed_headers
from routerhub_server.errors import (
    AccountExistsError,
    AccountNotFoundError,
    InvalidRequestError,
    OverloadedError,
    UnauthenticatedError,
    Violation,
)
from routerhub_server.settings import LimitSettings
from routerhub_server.state import StateError


def around_calls(
    tokens: AdminTokens, limits: LimitSettings, budget: ByteBudget
) -> Sequence[grpc.aio.ServerInterceptor]:
    return (
        ContextInterceptor("admin", limits, budget),  # first: all below log and answer with the request id
        TypedFailuresInterceptor(),  # before all that can fail, so that nothing fails outside of it
        OperatorAuthenticationInterceptor(tokens),  # before anything is looked up for strangers
        AccountErrorsInterceptor(),  # last: what it translates comes from the handlers alone
    )


class OperatorAuthenticationInterceptor(AroundInterceptor):
    def __init__(self, tokens: AdminTokens) -> None:
        self._tokens = tokens

    @asynccontextmanager
    async def around(self, method: str, context: Any) -> AsyncIterator[None]:
        match = BEARER.fullmatch(Metadata.of(context).get("authorization") or "")
        if match is None:
            raise UnauthenticatedError(
                "The admin token is missing. Send it as `authorization: Bearer rha_...`."
            )
        current_call.get().facts["admin_token"] = await self._tokens.authenticate(match[1])
        await typed_headers(context)
        yield


class AccountErrorsInterceptor(AroundInterceptor):
    @asynccontextmanager
    async def around(self, method: str, context: Any) -> AsyncIterator[None]:
        with _explained():
            yield


@contextmanager
def _explained() -> Iterator[None]:
    """Errors of accounts and of the database as errors that a caller may see."""
    try:
        yield
    except UnknownAccountError as error:
        raise AccountNotFoundError(_sentence(error)) from error
    except NameTakenError as error:
        raise AccountExistsError(_sentence(error)) from error
    except AccountError as error:
        raise InvalidRequestError([Violation("", _sentence(error))]) from error
    except StateError as error:
        raise OverloadedError("The records cannot be reached at the moment.", retry_after=1) from error


def _sentence(error: AccountError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."
