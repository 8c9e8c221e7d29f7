"""Failures acted out, as the adapters of real providers would raise them."""

from routerhub_server.errors import (
    ContentBlockedError,
    ProviderError,
    UpstreamBadReplyError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
)
from routerhub_server.upstreams.base import Interface
from routerhub_server.upstreams.refusals import Refusal, from_status
from routerhub_server.upstreams.sandbox.script import Script

_RETRY_AFTER = {429: 1.0, 503: 1.0}  # seconds


def rejected(message: str, *, param: str | None = None) -> UpstreamRejectedError:
    """A 400 in words that fit both interfaces."""
    return UpstreamRejectedError(_provider_error(400, message, param))


def act_out(script: Script, interface: Interface) -> None:
    """Raises what the script asks for, if it is a failure.

    What Gemini blocks, and a render without an image, is no failure: the provider replies.
    """
    if script.timeout:
        raise UpstreamTimeoutError("The upstream did not answer in time.", spent="possible")
    if script.bad_reply:
        raise UpstreamBadReplyError("The upstream's reply was not understood.", spent="yes")
    if script.error:
        provider = _provider_error(script.error, f"The sandbox was asked to answer {script.error}.")
        raise from_status(Refusal(script.error, {}, b""), provider, _RETRY_AFTER.get(script.error))
    reason = script.block or script.finish
    if reason and interface == "openai":
        raise _blocked(reason, stage="input" if script.block else "output")


def _blocked(reason: str, stage: str) -> ContentBlockedError:
    message = f"Your request was rejected by the safety system. safety_violations=[{reason.lower()}]."
    provider = ProviderError(
        400,
        message,
        type="image_generation_user_error",
        code="moderation_blocked",
        extra={"moderation_details": {"moderation_stage": stage, "categories": [reason.lower()]}},
    )
    return ContentBlockedError(message, provider=provider)


def _provider_error(status: int, message: str, param: str | None = None) -> ProviderError:
    return ProviderError(
        status, message, google_status="INVALID_ARGUMENT", type="invalid_request_error", param=param
    )
