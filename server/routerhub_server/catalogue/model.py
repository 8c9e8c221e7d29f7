"""What the catalogue knows of one model. The comments at the top of models.yaml explain the fields."""

from calendar import timegm
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from routerhub_server.upstreams.base import Interface

ModelClass = Literal["gemini-image", "gemini-text", "openai-image"]
Stage = Literal["PREVIEW", "STABLE", "DEPRECATED", "RETIRED"]
ExtraParameter = Literal["response_format", "style", "complexity", "frame_count", "frame_duration_ms", "svg"]

# Lists of the file become tuples: a model is shared by all requests and never changes.
Strings = Annotated[tuple[str, ...], Field(strict=False)]
Count = Annotated[int, Field(ge=1)]
# Dates may be ISO text, as configuration that came through JSON has them.
Day = Annotated[date, Field(strict=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Route(_Entry):
    """One upstream that serves the model."""

    upstream: str = Field(min_length=1)
    model: str = Field(min_length=1)
    """The id that the upstream accepts today; for Azure, the deployment."""
    weight: Count | None = None
    """Share of the calls that try this route first; None everywhere means in order."""
    may_pay_twice: bool = False
    """Whether it may be tried although an earlier attempt of the same render may have been charged."""


class Lifecycle(_Entry):
    """Where the id stands at its vendor; a retired one may still be served by a successor."""

    stage: Stage
    retired_on: Day | None = None
    note: str = ""


class GeminiLimits(_Entry):
    """Limits of one Gemini model; None is not checked, an empty tuple accepts nothing."""

    aspect_ratios: Strings | None = None
    image_sizes: Strings | None = None
    max_input_images: Count | None = None
    input_mime_types: Strings | None = None
    max_inline_bytes: Count | None = None
    """Decoded bytes of one inline file."""
    max_candidates: Count | None = None
    thinking_levels: Strings | None = None
    """Upper case, e.g. `HIGH`."""


class FlexibleSize(_Entry):
    """The rule for `WIDTHxHEIGHT` where a model takes any size; all but the ratio in pixels."""

    multiple_of: Count
    max_edge: Count
    max_ratio: Count
    """Of the longer to the shorter edge."""
    min_pixels: Count
    max_pixels: Count


class OpenAILimits(_Entry):
    """Limits of one OpenAI image model; None is not checked. Order is the order of the error texts."""

    sizes: Strings | None = None
    flexible_size: FlexibleSize | None = None
    """Sizes accepted besides the fixed ones of `sizes`."""
    qualities: Strings | None = None
    backgrounds: Strings | None = None
    moderations: Strings | None = None
    output_formats: Strings | None = None
    max_images: Count = 10
    """Upper bound of `n`."""
    max_prompt_chars: Count = 32000
    stream: bool = True
    extra_parameters: Annotated[tuple[ExtraParameter, ...], Field(strict=False)] = ()
    """Parameters that only some models know; for the others they are unknown parameters."""


def _not_empty(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    # Pydantic's own min_length reports an invalid item as a missing one, too.
    if not routes:
        raise PydanticCustomError("no_routes", "Input should not be empty")
    return routes


class Model(_Entry):
    """One model that callers can name."""

    id: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*$")
    aliases: Strings = ()
    model_class: ModelClass
    display_name: str
    description: str = ""
    routes: Annotated[tuple[Route, ...], Field(strict=False), AfterValidator(_not_empty)]
    lifecycle: Lifecycle
    render_seconds: float | None = Field(None, gt=0)
    """Longest that one render may take, all attempts together; None: the gateway's own limit."""
    released: Day
    owned_by: str

    @property
    def interface(self) -> Interface:
        return "openai" if self.model_class == "openai-image" else "gemini"

    @property
    def prefix(self) -> str:
        """The vendor's prefix that callers may put before the name or leave out."""
        return "openai/" if self.interface == "openai" else "google/"

    @property
    def bare_id(self) -> str:
        """The id without the vendor's prefix, as the vendors' SDKs know it."""
        return self.id.removeprefix(self.prefix)

    @property
    def created(self) -> int:
        """Unix seconds of midnight UTC on the day of release."""
        return timegm(self.released.timetuple())


class GeminiModel(Model):
    """A model of `generateContent`."""

    model_class: Literal["gemini-image", "gemini-text"]
    limits: GeminiLimits = GeminiLimits()
    owned_by: str = "google"
    input_token_limit: Count | None = None
    output_token_limit: Count | None = None
    supported_methods: Strings = ("generateContent",)
    temperature: float | None = None
    """The model's default; None where the vendor does not say."""
    max_temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: bool | None = None


class OpenAIModel(Model):
    """A model of `images/generations`."""

    model_class: Literal["openai-image"]
    limits: OpenAILimits = OpenAILimits()
    owned_by: str = "openai"
