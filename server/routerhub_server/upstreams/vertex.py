"""Vertex AI: Gemini's method under a project's or, in express mode, the publisher's path."""

from collections.abc import Sequence
from urllib.parse import quote

from routerhub_server import json_codec
from routerhub_server.errors import RouterHubError
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Interface, Order, Reply, Upstream
from routerhub_server.upstreams.features import Lacks, find_lacks
from routerhub_server.upstreams.gemini_wire import content_of, map_google_error, read_content
from routerhub_server.upstreams.google_credentials import GoogleCredentials
from routerhub_server.upstreams.http import Ask, HttpRequest, http_upstream
from routerhub_server.upstreams.refusals import Refusal

GLOBAL_URL = "https://aiplatform.googleapis.com"

LACKS: Lacks = frozenset(
    {
        "FunctionResponse.will_continue",
        "FunctionResponsePart.media_processing",
        "GenerateContentRequest.store",
        "GenerationConfig.enable_enhanced_civic_answers",
        "Part.part_metadata",
        "Part.tool_call",
        "Part.tool_response",
        "ReplicatedVoiceConfig.consent_audio",
        "ReplicatedVoiceConfig.voice_consent_signature",
        "Tool.file_search",
        "Tool.mcp_servers",
        "ToolConfig.include_server_side_tool_invocations",
    }
)
"""What Google's own SDK refuses to send here. Source: the `_to_vertex` converters of google-genai 3.4."""

_PROBE = b'{"contents":[{"role":"user","parts":[{"text":"probe"}]}]}'


def vertex_upstream(name: str, section: UpstreamSettings, settings: Settings) -> Upstream:
    """Raises SettingsError where the service account's file or google-auth cannot be used."""
    if section.api_key:
        express = VertexAdapter(section.base_url or GLOBAL_URL, section.api_key.get_secret_value())
        return http_upstream(name, express, section, settings)
    base = section.base_url or host_of(section.location)
    adapter = VertexAdapter(base, project=section.project, location=section.location)
    signer = GoogleCredentials(section.credentials_file, f"upstreams.{name}")
    return http_upstream(name, adapter, section, settings, signer)


def host_of(location: str) -> str:
    """Source: `_get_base_url` of Google's SDKs, and the list of regional endpoints."""
    if location == "global":
        return GLOBAL_URL
    if location in ("us", "eu"):
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


class VertexAdapter:
    """Source: Google's public proto, SDKs and documentation of `generateContent` on Vertex AI."""

    def __init__(
        self,
        base_url: str = GLOBAL_URL,
        key: str = "",
        *,
        project: str | None = None,
        location: str = "global",
    ) -> None:
        """With `key`, express mode; else under the project's path, and a Signer adds the token.

        `base_url` is what stands before `/v1beta1`; it may have a path.
        """
        parent = "" if key or project is None else f"projects/{_safe(project)}/locations/{_safe(location)}/"
        self._models_url = f"{base_url.rstrip('/')}/v1beta1/{parent}publishers/google/models"
        self._headers = {"content-type": "application/json"} | ({"x-goog-api-key": key} if key else {})

    def serves(self, interface: Interface) -> bool:
        return interface == "gemini"

    def lacks(self, order: Order) -> tuple[str, ...]:
        return find_lacks(order.request, LACKS)

    def encode_request(self, order: Order) -> HttpRequest:
        content = content_of(order.request)
        for turn in content.contents:
            if not turn.role:  # unset reads as `user` everywhere else, and is refused here
                turn.role = "user"
        return self._post(order.model, "generateContent", json_codec.encode(content))

    def decode_reply(self, _order: Order, body: bytes) -> Reply:
        return read_content(body)

    def map_error(self, model: str, refusal: Refusal) -> RouterHubError:
        return map_google_error(model, refusal)

    async def probe(self, models: Sequence[str], ask: Ask) -> None:
        """Counting tokens is free, and shows what a listing does not: the project's access to the model."""
        for model in models:
            await ask(self._post(model, "countTokens", _PROBE), model)

    def _post(self, model: str, method: str, body: bytes) -> HttpRequest:
        return HttpRequest(f"{self._models_url}/{_safe(model)}:{method}", self._headers, body)


def _safe(segment: str) -> str:
    return quote(segment, safe="")
