"""Lists of models, in the shape that the caller's SDK reads."""

from collections.abc import Sequence
from urllib.parse import parse_qs

from routerhub.images.v1.openai_images_pb2 import OpenAIModelList
from routerhub_server import json_codec
from routerhub_server.catalogue import GeminiModel, Model
from routerhub_server.catalogue.listing import google_model, google_page, openai_model
from routerhub_server.errors import InvalidRequestError, Violation

OPENAI_HEADERS = (("openai-version", "2020-10-01"),)


def google_list(models: Sequence[GeminiModel], query: str) -> bytes:
    """A page of Google's list, as `pageSize` and `pageToken` in the query say. Raises InvalidRequestError."""
    given = parse_qs(query, keep_blank_values=True, max_num_fields=None)
    size = _last(given, "pageSize", "page_size")
    if not (size or "0").removeprefix("-").isdecimal() or len(size) > 9:
        raise InvalidRequestError(
            [Violation("page_size", f"Invalid value at 'page_size' (TYPE_INT32), \"{size[:64]}\"")]
        )
    return json_codec.encode(google_page(models, int(size or 0), _last(given, "pageToken", "page_token")))


def openai_list(models: Sequence[Model]) -> bytes:
    listed = OpenAIModelList(object="list", data=[openai_model(model) for model in models])
    return json_codec.encode(listed)


def google_one(model: GeminiModel) -> bytes:
    return json_codec.encode(google_model(model))


def openai_one(model: Model) -> bytes:
    return json_codec.encode(openai_model(model))


def _last(given: dict[str, list[str]], *names: str) -> str:
    return next((given[name][-1] for name in names if name in given), "")
