"""Access tokens for Google Cloud: fetched by google-auth in a thread, kept until they are about to expire."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from routerhub_server.errors import UpstreamError, UpstreamMisconfiguredError, UpstreamUnavailableError
from routerhub_server.settings import SettingsError

try:
    import google.auth
    import google.auth.exceptions
    import google.auth.transport
    from google.auth.credentials import TokenState
    from google.oauth2 import service_account
except ImportError:  # the extra `vertex` is not installed
    AVAILABLE = False
else:
    AVAILABLE = True

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TOKEN_SECONDS = 20.0


class GoogleCredentials:
    """A Signer: a service account's, or the application default, looked for when first needed."""

    def __init__(self, file: Path | None, where: str) -> None:
        """`where` is the setting to name in the SettingsError that a file or a missing library raises."""
        if not AVAILABLE:
            raise SettingsError(f"{where}: kind vertex needs google-auth: install routerhub-images[vertex]")
        self._credentials: Any = _service_account(file, where) if file else None
        self._fetching = asyncio.Lock()
        self._rejected = False

    async def headers(self) -> Mapping[str, str]:
        """One thread at a time fetches; a token that still serves is used when that fails."""
        if not self._fresh:
            async with self._fetching:
                if not self._fresh:
                    await self._fetch()
        quota = getattr(self._credentials, "quota_project_id", None)
        return {"authorization": f"Bearer {self._credentials.token}"} | (
            {"x-goog-user-project": quota} if quota else {}
        )

    def forget(self) -> None:
        self._rejected = True

    @property
    def _fresh(self) -> bool:
        return (
            not self._rejected
            and self._credentials is not None
            and self._credentials.token_state is TokenState.FRESH
        )

    async def _fetch(self) -> None:
        try:
            await asyncio.to_thread(self._refresh)
        except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
            if self._rejected or not self._usable:
                raise _mapped(error) from error
        self._rejected = False

    @property
    def _usable(self) -> bool:
        return self._credentials is not None and self._credentials.token_state is TokenState.STALE

    def _refresh(self) -> None:
        with httpx2.Client(trust_env=False, timeout=_TOKEN_SECONDS) as client:
            transport = _transport(client)
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=SCOPES, request=transport)
            self._credentials.refresh(transport)


def _service_account(file: Path, where: str) -> Any:
    try:
        load: Any = service_account.Credentials.from_service_account_file  # untyped
        return load(str(file), scopes=SCOPES)
    except (OSError, ValueError, google.auth.exceptions.GoogleAuthError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a service account's JSON file"
        raise SettingsError(f"{where}.credentials_file: {file}: {reason}") from error


def _transport(client: httpx2.Client) -> Any:
    """google-auth's idea of an HTTP client, so that it needs no other one."""

    class Response(google.auth.transport.Response):
        def __init__(self, response: httpx2.Response) -> None:
            self._response = response

        @property
        def status(self) -> int:
            return self._response.status_code

        @property
        def headers(self) -> Mapping[str, str]:
            return self._response.headers

        @property
        def data(self) -> bytes:
            return self._response.content

    class Request(google.auth.transport.Request):
        def __call__(
            self,
            url: str,
            method: str = "GET",
            body: bytes | None = None,
            headers: Mapping[str, str] | None = None,
            timeout: float | None = None,
            **_options: Any,
        ) -> Response:
            try:
                return Response(
                    client.request(
                        method, url, content=body, headers=headers, timeout=timeout or _TOKEN_SECONDS
                    )
                )
            except httpx2.HTTPError as error:
                raise _transport_error(error) from error

    return Request()


def _transport_error(error: httpx2.HTTPError) -> Exception:
    kind: Any = google.auth.exceptions.TransportError  # untyped
    failure: Exception = kind(error)
    return failure


def _mapped(error: Exception) -> UpstreamError:
    transient = isinstance(error, google.auth.exceptions.TransportError) or getattr(error, "retryable", False)
    if transient:
        return UpstreamUnavailableError("No access token could be fetched for the upstream.")
    return UpstreamMisconfiguredError("The upstream's credentials cannot be used.")
