"""Azure OpenAI, on both of its surfaces:

`POST {endpoint}/openai/deployments/{deployment}/images/generations?api-version=...` and
`POST {endpoint}/openai/v1/images/generations`, where the deployment is the body's model.
"""

from collections.abc import Sequence
from urllib.parse import quote

from routerhub_server.errors import ContentBlockedError, RouterHubError
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Interface, Order, Reply, Upstream
from routerhub_server.upstreams.http import Ask, HttpRequest, http_upstream
from routerhub_server.upstreams.openai_wire import images_body, map_openai_error, openai_error, read_images
from routerhub_server.upstreams.refusals import Refusal, unknown_model

_BLOCKED = {"contentFilter", "content_filter", "ResponsibleAIPolicyViolation"}
_NO_DEPLOYMENT = {"DeploymentNotFound", "OperationNotSupported"}
"""The second: there is one, of a model that draws no images."""


def azure_upstream(name: str, section: UpstreamSettings, settings: Settings) -> Upstream:
    assert section.base_url is not None, "the settings see to that"
    key = section.api_key.get_secret_value() if section.api_key else ""
    adapter = AzureAdapter(key, section.base_url, section.api_version)
    return http_upstream(name, adapter, section, settings)


class AzureAdapter:
    """Source: OpenAI's SDKs, `AzureOpenAI`, and Microsoft's reference of the data plane."""

    def __init__(self, key: str, endpoint: str, api_version: str | None = None) -> None:
        """`endpoint` is what stands before `/openai`. A dated `api_version` means the deployment URL."""
        dated = api_version is not None and api_version[:1].isdigit()
        self._base_url = f"{endpoint.rstrip('/')}/openai" + ("" if dated else "/v1")
        self._deployments = dated
        self._query = f"?api-version={quote(api_version)}" if api_version else ""
        self._headers = {"api-key": key} if key else {}

    def serves(self, interface: Interface) -> bool:
        return interface == "openai"

    def lacks(self, _order: Order) -> tuple[str, ...]:
        return ()

    def encode_request(self, order: Order) -> HttpRequest:
        place = f"/deployments/{quote(order.model, safe='')}" if self._deployments else ""
        return HttpRequest(
            url=f"{self._base_url}{place}/images/generations{self._query}",
            headers={"content-type": "application/json", **self._headers},
            body=images_body(order),
        )

    def decode_reply(self, _order: Order, body: bytes) -> Reply:
        return read_images(body)

    def map_error(self, model: str, refusal: Refusal) -> RouterHubError:
        provider = openai_error(refusal)
        if provider.code in _BLOCKED:
            return ContentBlockedError(provider.message, provider=provider)
        if provider.code in _NO_DEPLOYMENT:
            return unknown_model(model, provider)
        return map_openai_error(model, refusal, provider)

    async def probe(self, models: Sequence[str], ask: Ask) -> None:
        """Shows address and key. Azure lists the models that a resource may deploy, not its deployments."""
        url = f"{self._base_url}/models{self._query}"
        await ask(HttpRequest(url=url, headers=self._headers, method="GET"), models[0] if models else "")
