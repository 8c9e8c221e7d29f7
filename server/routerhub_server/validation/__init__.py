"""What a model's limits and required fields demand of a request, checked before money is spent.

Pure functions over typed messages; every breach is reported at once, in the vendor's own words. What only
some upstreams refuse (fields of Vertex AI) is theirs to say.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.catalogue import GeminiModel, Model, OpenAIModel
from routerhub_server.errors import InvalidRequestError, Violation
from routerhub_server.upstreams.base import Request
from routerhub_server.validation import gemini, openai

# A hostile body can break a rule in each of a million parts; the caller needs to read the answer.
MAX_VIOLATIONS = 100


def model_name(request: Request) -> str:
    """The model as the caller wrote it.

    Raises InvalidRequestError where it is missing, together with what else is missing.
    """
    if isinstance(request, GenerateContentRequest):
        _refuse(gemini.unnamed_model(request))
    elif not request.HasField("model"):
        _refuse(openai.missing(request))
    return request.model


def check_request(request: Request, model: Model) -> None:
    """Raises InvalidRequestError with every breach (at most MAX_VIOLATIONS), in the order of the fields."""
    if isinstance(request, GenerateContentRequest) and isinstance(model, GeminiModel):
        _refuse(gemini.violations(request, model))
    elif isinstance(request, GenerateImagesRequest) and isinstance(model, OpenAIModel):
        _refuse(openai.violations(request, model))
    else:
        raise TypeError(f"{model.id} does not answer {type(request).__name__}")


def with_defaults(request: Request, model: Model) -> Request:
    """The checked request with the model's defaults filled in.

    In place, because the message is the gateway's own decoded copy and may hold megabytes of images.
    """
    if isinstance(request, GenerateContentRequest) and isinstance(model, GeminiModel):
        gemini.fill_defaults(request, model)
    return request


def _refuse(violations: Iterable[Violation]) -> None:
    found = list(islice(violations, MAX_VIOLATIONS))
    if found:
        # Google ends its lines with a newline; joined, only the last one keeps it.
        lines = [replace(v, description=v.description.removesuffix("\n")) for v in found[:-1]]
        raise InvalidRequestError([*lines, found[-1]])
