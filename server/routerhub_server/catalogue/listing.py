"""Models as the vendors list them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from routerhub.images.v1 import gemini_pb2, openai_images_pb2
from routerhub_server.catalogue.model import GeminiModel, Model
from routerhub_server.errors import InvalidRequestError, Violation

_DEFAULT_PAGE = 50
_LARGEST_PAGE = 1000


def google_model(model: GeminiModel) -> gemini_pb2.Model:
    """The model as `GET /v1beta/models` shows it; `name` has the bare id, as Google's SDKs write it."""
    return gemini_pb2.Model(
        name=f"models/{model.bare_id}",
        base_model_id=model.bare_id,
        version=model.routes[0].model,
        display_name=model.display_name,
        description=model.description,
        input_token_limit=model.input_token_limit,
        output_token_limit=model.output_token_limit,
        supported_generation_methods=model.supported_methods,
        temperature=model.temperature,
        max_temperature=model.max_temperature,
        top_p=model.top_p,
        top_k=model.top_k,
        thinking=model.thinking,
    )


def openai_model(model: Model) -> openai_images_pb2.OpenAIModel:
    """The model as `GET /v1/models` shows it to OpenAI's SDKs; `id` can be pasted back as it is.

    No `shutdown_date`: an id that is retired at the vendor still works here.
    """
    return openai_images_pb2.OpenAIModel(
        id=model.id, object="model", created=model.created, owned_by=model.owned_by
    )


def google_page(
    models: Sequence[GeminiModel], page_size: int = 0, page_token: str = ""
) -> gemini_pb2.ListModelsResponse:
    """One page of Google's list.

    0 is the default of 50 models a page; more than 1000 are cut to 1000, as Google does. Raises
    InvalidRequestError for a negative size and for a token that did not come from here.
    """
    violations = []
    if page_size < 0:
        violations.append(_rule("page_size", "page_size must not be negative."))
    start = _position(models, page_token)
    if start is None:
        violations.append(_rule("page_token", "page_token is not valid."))
    if violations:
        raise InvalidRequestError(violations)
    return _page(models, start or 0, min(page_size or _DEFAULT_PAGE, _LARGEST_PAGE))


def _page(models: Sequence[GeminiModel], start: int, size: int) -> gemini_pb2.ListModelsResponse:
    page = gemini_pb2.ListModelsResponse(
        models=[google_model(model) for model in models[start : start + size]]
    )
    if start + size < len(models):
        page.next_page_token = urlsafe_b64encode(models[start + size].id.encode()).decode()
    return page


def _position(models: Sequence[GeminiModel], page_token: str) -> int | None:
    """Where the page starts. The token holds the id of its first model, so that it outlives a restart."""
    if not page_token:
        return 0
    try:
        id_ = urlsafe_b64decode(page_token).decode()
    except ValueError:
        return None
    return next((i for i, model in enumerate(models) if model.id == id_), None)


def _rule(field: str, text: str) -> Violation:
    return Violation(field, f"* ListModelsRequest.{field}: {text}\n")
