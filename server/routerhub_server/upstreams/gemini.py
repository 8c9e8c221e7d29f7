"""The Gemini Developer API: `POST {base_url}/v1beta/models/{model}:generateContent`."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, ResponseFormat
from routerhub_server import json_codec
from routerhub_server.errors import RouterHubError
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Interface, Order, Reply, Upstream
from routerhub_server.upstreams.features import Lacks, find_lacks
from routerhub_server.upstreams.gemini_wire import content_of, map_google_error, read_content
from routerhub_server.upstreams.http import Ask, HttpRequest, http_upstream
from routerhub_server.upstreams.refusals import Refusal

BASE_URL = "https://generativelanguage.googleapis.com"

LACKS: Lacks = frozenset(
    {
        "FunctionCall.partial_args",
        "FunctionCall.will_continue",
        "FunctionCallingConfig.stream_function_call_arguments",
        "GenerateContentRequest.model_armor_config",
        "GenerateContentRequest.output_config",
        "GenerationConfig.audio_timestamp",
        "GenerationConfig.model_config",
        "GenerationConfig.routing_config",
        "GoogleMaps.grounding_types",
        "GoogleSearch.blocking_confidence",
        "GoogleSearch.exclude_domains",
        "ImageConfig.image_output_options",
        "ImageConfig.person_generation",
        "ImageConfig.prominent_people",
        "SafetySetting.method",
        "Tool.enterprise_web_search",
        "Tool.exa_ai_search",
        "Tool.parallel_ai_search",
        "Tool.retrieval",
    }
)
"""What Google's own SDK refuses to send here. Source: the `_to_mldev` converters of google-genai 3.4."""


def gemini_upstream(name: str, section: UpstreamSettings, settings: Settings) -> Upstream:
    key = section.api_key.get_secret_value() if section.api_key else ""
    return http_upstream(name, GeminiAdapter(key, section.base_url or BASE_URL), section, settings)


class GeminiAdapter:
    """Source: Google's public proto, SDKs and documentation of `generateContent`."""

    def __init__(self, key: str, base_url: str = BASE_URL) -> None:
        """`base_url` is what stands before `/v1beta`; it may have a path."""
        self._models_url = f"{base_url.rstrip('/')}/v1beta/models"
        self._headers = {"x-goog-api-key": key} if key else {}

    def serves(self, interface: Interface) -> bool:
        return interface == "gemini"

    def lacks(self, order: Order) -> tuple[str, ...]:
        return find_lacks(order.request, LACKS)

    def encode_request(self, order: Order) -> HttpRequest:
        return HttpRequest(
            url=f"{self._models_url}/{quote(order.model, safe='')}:generateContent",
            headers={"content-type": "application/json", **self._headers},
            body=_body(content_of(order.request)),
        )

    def decode_reply(self, _order: Order, body: bytes) -> Reply:
        return read_content(body)

    def map_error(self, model: str, refusal: Refusal) -> RouterHubError:
        return map_google_error(model, refusal)

    async def probe(self, models: Sequence[str], ask: Ask) -> None:
        for model in models:
            await ask(self._get(f"/{quote(model, safe='')}"), model)
        if not models:
            await ask(self._get("?pageSize=1"), "")

    def _get(self, rest: str) -> HttpRequest:
        return HttpRequest(url=self._models_url + rest, headers=self._headers, method="GET")


def _body(content: GenerateContentRequest) -> bytes:
    formats = list(content.generation_config.response_format)
    return _with_response_format(content, formats) if formats else json_codec.encode(content)


def _with_response_format(content: GenerateContentRequest, formats: list[ResponseFormat]) -> bytes:
    """`responseFormat` is a list in our proto and on Vertex AI, an object here."""
    merged = ResponseFormat()
    for entry in formats:
        merged.MergeFrom(entry)
    content.generation_config.ClearField("response_format")
    body = msgspec.json.decode(json_codec.encode(content), type=dict[str, msgspec.Raw])
    config = msgspec.json.decode(body["generationConfig"], type=dict[str, msgspec.Raw])
    config["responseFormat"] = msgspec.Raw(json_codec.encode(merged))
    body["generationConfig"] = msgspec.Raw(msgspec.json.encode(config))
    return msgspec.json.encode(body)
