"""An Azure OpenAI resource of our own, with one deployment, on both surfaces."""

from tests.fakes.openai import FakeOpenAI, error_body
from tests.fakes.server import Answer, Received, json_answer

API_VERSION = "2025-04-01-preview"


class FakeAzure(FakeOpenAI):
    def __init__(self, key: str = "azure-test-key", deployment: str = "gpt-image-2-eu") -> None:
        super().__init__(key)
        self.deployment = deployment

    @property
    def base_url(self) -> str:
        return self.url

    def respond(self, request: Received) -> Answer:
        refusal = self.key_refusal(request) or self._deployment_refusal(request)
        return refusal or super().respond(request)

    def has(self, request: Received) -> bool:
        path, _, query = request.path.partition("?")
        if path.startswith("/openai/v1/"):
            rest, known = path.removeprefix("/openai/v1"), query in ("", "api-version=preview")
        else:
            rest, known = path.removeprefix("/openai"), query == f"api-version={API_VERSION}"
            rest = rest.removeprefix(f"/deployments/{self.deployment}")
        return known and (request.method, rest) in (("GET", "/models"), ("POST", "/images/generations"))

    def no_such_call(self, request: Received) -> Answer:
        return error(404, "404", "Resource not found")

    def key_refusal(self, request: Received) -> Answer | None:
        if request.headers.get("api-key") == self.key and "authorization" not in request.headers:
            return None
        return error(
            401,
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
            "valid key for an active subscription and use a correct regional API endpoint for your resource.",
        )

    def _deployment_refusal(self, request: Received) -> Answer | None:
        if request.method != "POST":
            return None
        in_path = request.path.partition("/deployments/")[2].partition("/")[0]
        named = {in_path or self.deployment, request.json.get("model")}
        return no_deployment() if named != {self.deployment} else None

    def model_known(self, model: str) -> bool:
        return model == self.deployment


def error(status: int, code: str, message: str) -> Answer:
    return json_answer(status, {"error": {"code": code, "message": message}})


def no_deployment() -> Answer:
    return error(
        404,
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within the last "
        "5 minutes, please wait a moment and try again.",
    )


def content_filtered() -> dict[str, object]:
    """The body of Azure's 400 for a prompt that its content filter refuses."""
    results = {"violence": {"filtered": True, "severity": "high"}}
    return error_body(
        "Your task failed as a result of our safety system.",
        "invalid_request_error",
        code="contentFilter",
        inner_error={"code": "ResponsibleAIPolicyViolation", "content_filter_results": results},
    )
