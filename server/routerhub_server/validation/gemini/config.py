"""Checks of `generation_config`: sampling, lengths, thinking, and what kind of output."""

from collections.abc import Iterator

from routerhub.images.v1.gemini_pb2 import GenerationConfig, ThinkingConfig
from routerhub_server.catalogue import GeminiModel
from routerhub_server.errors import Violation
from routerhub_server.validation.gemini import image
from routerhub_server.validation.gemini.words import out_of_range, rule, shortened, unknown_name

_IMAGE_OUTPUTS = (GenerationConfig.TEXT, GenerationConfig.IMAGE)
_MIME_TYPES = ("text/plain", "application/json", "application/xml", "application/yaml", "text/x.enum")
_SCHEMAS = ("response_schema", "response_json_schema", "response_json_schema_ordered")
_THINKING_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")


def violations(config: GenerationConfig, model: GeminiModel) -> Iterator[Violation]:
    """Breaches in `generation_config`."""
    yield from _sampling(config, model)
    yield from _penalties(config)
    yield from _amounts(config, model)
    if model.model_class == "gemini-image":
        yield from _modalities(config, model)
    yield from _structured_output(config, model)
    yield from _thinking(config.thinking_config, model)
    yield from image.violations(config, model.limits)


def _field(name: str) -> str:
    return f"generation_config.{name}"


def _sampling(config: GenerationConfig, model: GeminiModel) -> Iterator[Violation]:
    warmest = 2.0 if model.max_temperature is None else model.max_temperature
    # Written so that NaN is out of range.
    if not 0 <= config.temperature <= warmest:
        yield rule(_field("temperature"), f"temperature must be in the range [0.0, {warmest:.1f}].")
    if not 0 <= config.top_p <= 1:
        yield rule(_field("top_p"), "top_p must be in the range [0.0, 1.0].")
    if config.HasField("top_k") and config.top_k < 1:
        yield rule(_field("top_k"), "top_k must be positive.")


def _penalties(config: GenerationConfig) -> Iterator[Violation]:
    if not -2 <= config.presence_penalty < 2:
        yield out_of_range(_field("presence_penalty"), "presencePenalty", config.presence_penalty, -2, 2)
    if not -2 <= config.frequency_penalty < 2:
        yield out_of_range(_field("frequency_penalty"), "frequencyPenalty", config.frequency_penalty, -2, 2)
    if not 0 <= config.logprobs <= 20:
        yield out_of_range(_field("logprobs"), "logprobs", config.logprobs, 0, 21)


def _amounts(config: GenerationConfig, model: GeminiModel) -> Iterator[Violation]:
    if config.HasField("candidate_count"):
        yield from _candidate_count(config.candidate_count, model)
    if config.HasField("max_output_tokens"):
        yield from _max_output_tokens(config.max_output_tokens, model)
    if len(config.stop_sequences) > 5:
        yield rule(_field("stop_sequences"), "the number of stop_sequences must not exceed 5.")


def _candidate_count(count: int, model: GeminiModel) -> Iterator[Violation]:
    field = _field("candidate_count")
    most = 8 if model.limits.max_candidates is None else model.limits.max_candidates
    if count < 1:
        yield rule(field, "candidate_count must be positive.")
    elif most == 1 < count:
        yield Violation(field, f"Multiple candidates is not enabled for models/{model.bare_id}")
    elif count > most:
        yield out_of_range(field, "candidateCount", count, 1, most + 1)


def _max_output_tokens(tokens: int, model: GeminiModel) -> Iterator[Violation]:
    field = _field("max_output_tokens")
    if tokens < 1:
        yield rule(field, "max_output_tokens must be positive.")
    elif model.output_token_limit is not None and tokens > model.output_token_limit:
        yield out_of_range(field, "maxOutputTokens", tokens, 1, model.output_token_limit + 1)


def _modalities(config: GenerationConfig, model: GeminiModel) -> Iterator[Violation]:
    asked = config.response_modalities
    if any(modality not in _IMAGE_OUTPUTS for modality in asked):
        names = ", ".join(_modality_name(modality) for modality in asked)
        text = (
            f"The requested combination of response modalities ({shortened(names)}) is not supported by the "
            f"model. models/{model.bare_id} accepts the following combination of response modalities:\n"
            "* TEXT, IMAGE\n"
        )
        yield Violation(_field("response_modalities"), text)


def _modality_name(number: int) -> str:
    """The enum's name, or the number where a typed caller sent one that has no name."""
    value = GenerationConfig.Modality.DESCRIPTOR.values_by_number.get(number)
    return value.name if value else str(number)


def _structured_output(config: GenerationConfig, model: GeminiModel) -> Iterator[Violation]:
    mime_type = config.response_mime_type or "text/plain"
    if mime_type not in _MIME_TYPES:
        *first, last = (f"`{known}`" for known in _MIME_TYPES)
        text = f"allowed mimetypes are {', '.join(first)} and {last}."
        yield rule(_field("response_mime_type"), text)
    elif _draws(config, model):
        yield from _no_structure(config, mime_type)


def _draws(config: GenerationConfig, model: GeminiModel) -> bool:
    asked = config.response_modalities
    return model.model_class == "gemini-image" and (not asked or GenerationConfig.IMAGE in asked)


def _no_structure(config: GenerationConfig, mime_type: str) -> Iterator[Violation]:
    """JSON and schemas in a request for images; Google names the MIME type alone where both are there."""
    names = ["response_mime_type"] if mime_type != "text/plain" else []
    names = names or [name for name in _SCHEMAS if config.HasField(name)]  # type: ignore[arg-type]  # a Literal
    for name in names:
        yield Violation(_field(name), f"Parameter {name} is not supported for generating image response.")


def _thinking(config: ThinkingConfig, model: GeminiModel) -> Iterator[Violation]:
    field = _field("thinking_config")
    if config.thinking_level and config.HasField("thinking_budget"):
        yield Violation(field, "You can only set only one of thinking budget and thinking level.")
    if not -1 <= config.thinking_budget <= 65535:
        yield rule(f"{field}.thinking_budget", "thinking_budget must be in the range [-1, 65535].")
    if config.thinking_level:
        yield from _thinking_level(f"{field}.thinking_level", config.thinking_level, model)


def _thinking_level(field: str, written: str, model: GeminiModel) -> Iterator[Violation]:
    level, supported = written.upper(), model.limits.thinking_levels
    if level == "THINKING_LEVEL_UNSPECIFIED" or level in (
        _THINKING_LEVELS if supported is None else supported
    ):
        return
    if level not in _THINKING_LEVELS:
        yield unknown_name(field, "ThinkingConfig.ThinkingLevel", written)
    elif not supported:
        yield Violation(field, "Thinking level is not supported for this model.")
    else:
        text = (
            f"Thinking level {level} is not supported for this model. Please retry with other thinking level."
        )
        yield Violation(field, text)
