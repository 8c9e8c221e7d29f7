"""Who is calling: the key is checked before a handler reads anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from routerhub_server.accounts import Accounts
from routerhub_server.calls import current_call
from routerhub_server.doors.interceptors.base import AroundInterceptor
from routerhub_server.doors.metadata import Metadata, credential

OPEN = frozenset({"Unmatched"})
"""A path that does not exist is said so to anybody."""


class AuthenticationInterceptor(AroundInterceptor):
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @asynccontextmanager
    async def around(self, method: str, context: Any) -> AsyncIterator[None]:
        if method not in OPEN:
            metadata = Metadata.of(context)
            # OpenAI's own paths know no key header but Authorization.
            google = not metadata.path or method != "GenerateImages"
            call = current_call.get()
            call.account = await self._accounts.authenticate(credential(metadata, google_header=google))
        yield
