"""The OpenAI Images API, or a server compatible with it: `POST {base_url}/images/generations`."""

from collections.abc import Sequence
from urllib.parse import quote

from routerhub_server.errors import RouterHubError, UpstreamError
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Interface, Order, Reply, Upstream
from routerhub_server.upstreams.http import Ask, HttpRequest, http_upstream
from routerhub_server.upstreams.openai_wire import check_listed, images_body, map_openai_error, read_images
from routerhub_server.upstreams.refusals import Refusal

BASE_URL = "https://api.openai.com/v1"

_NO_SUCH_CALL = (404, 405, 501)


def openai_upstream(name: str, section: UpstreamSettings, settings: Settings) -> Upstream:
    adapter = OpenAIAdapter(
        section.api_key.get_secret_value() if section.api_key else "",
        section.base_url or BASE_URL,
        organization=section.organization,
        project=section.project,
    )
    return http_upstream(name, adapter, section, settings)


class OpenAIAdapter:
    """Source: OpenAI's OpenAPI document and SDKs, `images.generate`."""

    def __init__(
        self,
        key: str,
        base_url: str = BASE_URL,
        *,
        organization: str | None = None,
        project: str | None = None,
    ) -> None:
        """`base_url` includes the version, e.g. `/v1`. Without `key`, nothing is sent for one."""
        self._base_url = base_url.rstrip("/")
        optional = {
            "authorization": f"Bearer {key}" if key else None,
            "openai-organization": organization,
            "openai-project": project,
        }
        self._headers = {name: value for name, value in optional.items() if value}

    def serves(self, interface: Interface) -> bool:
        return interface == "openai"

    def lacks(self, _order: Order) -> tuple[str, ...]:
        return ()

    def encode_request(self, order: Order) -> HttpRequest:
        return HttpRequest(
            url=f"{self._base_url}/images/generations",
            headers={"content-type": "application/json", **self._headers},
            body=images_body(order),
        )

    def decode_reply(self, _order: Order, body: bytes) -> Reply:
        return read_images(body)

    def map_error(self, model: str, refusal: Refusal) -> RouterHubError:
        return map_openai_error(model, refusal)

    async def probe(self, models: Sequence[str], ask: Ask) -> None:
        for model in models:
            try:
                await ask(self._get(f"models/{quote(model, safe='')}"), model)
            except UpstreamError as error:
                if error.provider is None or error.provider.status not in _NO_SUCH_CALL:
                    raise
                # Many compatible servers have the list alone.
                check_listed(model, await ask(self._get("models"), model))
        if not models:
            await ask(self._get("models"), "")

    def _get(self, path: str) -> HttpRequest:
        return HttpRequest(url=f"{self._base_url}/{path}", headers=self._headers, method="GET")
