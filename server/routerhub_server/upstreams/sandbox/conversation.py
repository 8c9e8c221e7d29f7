"""What a Gemini request asks for, read from its turns and its generation config."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from routerhub.images.v1.gemini_pb2 import (
    Content,
    GenerateContentRequest,
    GenerationConfig,
    Part,
    ResponseFormat,
)
from routerhub_server.catalogue.spellings import plain_ratio, plain_size
from routerhub_server.upstreams.sandbox.encoding import FORMATS, Encoding
from routerhub_server.upstreams.sandbox.inputs import placeholder, read_image
from routerhub_server.upstreams.sandbox.script import Script
from routerhub_server.upstreams.sandbox.sizes import Family, Size

ImageFormat = ResponseFormat.ImageResponseFormat

_MAX_INPUTS = 16  # what one drawing has room for; the models take 14
_DEFAULT_QUALITY = 75  # Vertex AI's for jpeg


@dataclass(frozen=True, slots=True)
class Output:
    """The form that the answer is to have."""

    text: bool
    image: bool
    ratio: str
    """Such as `16:9`; empty to follow the inputs."""
    image_size: str
    encoding: Encoding


def prompt_of(request: GenerateContentRequest) -> str:
    """The text of the user's latest turn that has any."""
    for content in reversed(request.contents):
        text = "\n".join(part.text for part in content.parts if part.text and not part.thought)
        if text and content.role != "model":
            return text
    return ""


def read_inputs(request: GenerateContentRequest) -> list[Image.Image]:
    """The images to edit, at most 16: the user's from all turns, the model's from its latest turn with any.

    Raises UpstreamRejectedError if one cannot be read.
    """
    latest = max((n for n, content in enumerate(request.contents) if _is_answer(content)), default=None)
    parts = [
        part
        for number, content in enumerate(request.contents)
        for part in content.parts
        if _is_medium(part) and (content.role != "model" or number == latest)
    ]
    return [_read(part) for part in parts[-_MAX_INPUTS:]]


def count_inputs(request: GenerateContentRequest) -> int:
    """Images in the whole conversation."""
    return sum(_is_medium(part) for part in _parts(request))


def count_characters(request: GenerateContentRequest) -> int:
    """Characters of text in the whole conversation and the system instruction."""
    return sum(len(part.text) for part in (*_parts(request), *request.system_instruction.parts))


def read_output(request: GenerateContentRequest, model: str, script: Script) -> Output:
    """The form of the answer; image models answer in both modalities if the request does not say."""
    config = request.generation_config
    modalities = set(config.response_modalities)
    image_model = "image" in model
    wanted = _image_format(config)
    return Output(
        text=GenerationConfig.TEXT in modalities or not modalities,
        image=GenerationConfig.IMAGE in modalities or (not modalities and image_model),
        ratio=config.image_config.aspect_ratio or plain_ratio(wanted.aspect_ratio) or "",
        image_size=config.image_config.image_size or plain_size(wanted.image_size) or "",
        encoding=_encoding(config, wanted, script),
    )


def pixels(output: Output, family: Family, inputs: list[Image.Image]) -> Size:
    """Width and height: as asked for, else nearest to the first input, else square."""
    ratio = output.ratio or (family.nearest_ratio(inputs[0].size) if inputs else "1:1")
    return family.size(ratio, output.image_size)


def _encoding(config: GenerationConfig, wanted: ImageFormat, script: Script) -> Encoding:
    options = config.image_config.image_output_options
    mime_type = options.mime_type or wanted.mime_type
    name = mime_type.lower().removeprefix("image/").removeprefix("image_")
    quality = options.compression_quality if options.HasField("compression_quality") else _DEFAULT_QUALITY
    return Encoding(name if name in FORMATS else "png", quality=quality, min_bytes=script.bytes)


def _image_format(config: GenerationConfig) -> ImageFormat:
    formats = [entry.image for entry in config.response_format if entry.HasField("image")]
    return formats[0] if formats else ImageFormat()


def _parts(request: GenerateContentRequest) -> Iterator[Part]:
    for content in request.contents:
        yield from content.parts


def _is_answer(content: Content) -> bool:
    return content.role == "model" and any(_is_medium(part) for part in content.parts)


def _is_medium(part: Part) -> bool:
    return part.HasField("inline_data") or part.HasField("file_data")


def _read(part: Part) -> Image.Image:
    if part.HasField("file_data"):
        return placeholder("file")
    return read_image(part.inline_data.data, part.inline_data.mime_type)
