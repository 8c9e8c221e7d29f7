"""Checks of the conversation: roles, parts and input images."""

from collections.abc import Iterator, Sequence

from routerhub.images.v1.gemini_pb2 import Blob, Content, FileData, GenerateContentRequest, Part
from routerhub_server.catalogue import GeminiLimits
from routerhub_server.errors import Violation
from routerhub_server.validation.gemini.words import missing, rule, shortened

# `function` is how Google's first SDKs label a function's response; it is still taken.
_ROLES = ("", "user", "model", "function")


def violations(request: GenerateContentRequest, limits: GeminiLimits) -> Iterator[Violation]:
    """Breaches in `contents` and `system_instruction`."""
    if not request.contents:
        yield missing("contents", "contents is not specified")
    for i, content in enumerate(request.contents):
        yield from _content(f"contents[{i}]", content, limits)
    yield from _image_count(request.contents, limits)
    if request.HasField("system_instruction"):
        yield from _system_instruction(request.system_instruction)


def _content(path: str, content: Content, limits: GeminiLimits) -> Iterator[Violation]:
    if content.role not in _ROLES:
        yield Violation(f"{path}.role", "Please use a valid role: user, model.")
    if not content.parts:
        yield missing(f"{path}.parts", "contents.parts must not be empty.")
    for j, part in enumerate(content.parts):
        yield from _part(f"{path}.parts[{j}]", part, limits)


def _part(path: str, part: Part, limits: GeminiLimits) -> Iterator[Violation]:
    kind = part.WhichOneof("data")
    if kind is None:
        yield missing(f"{path}.data", "required oneof field 'data' must have one initialized field")
    elif kind == "inline_data":
        yield from _inline_data(f"{path}.inline_data", part.inline_data, limits)
    elif kind == "file_data":
        yield from _file_data(f"{path}.file_data", part.file_data, limits)


def _inline_data(path: str, blob: Blob, limits: GeminiLimits) -> Iterator[Violation]:
    yield from _mime_type(path, blob.mime_type, limits)
    if _is_empty(blob):
        yield missing(f"{path}.data", "inline_data.data must not be empty.")
    elif limits.max_inline_bytes is not None:
        yield from _inline_size(f"{path}.data", len(blob.data), limits.max_inline_bytes)


def _is_empty(blob: Blob) -> bool:
    # Reading `data` would copy it: 3 ms for 25 MB. Two messages compare without a copy.
    bare = Blob(mime_type=blob.mime_type, data=b"")
    if blob.HasField("display_name"):
        bare.display_name = blob.display_name
    return not blob.HasField("data") or blob == bare


def _inline_size(field: str, size: int, limit: int) -> Iterator[Violation]:
    if size > limit:
        yield rule(field, f"inline_data.data must not exceed {limit} bytes, but has {size}.")


def _file_data(path: str, file: FileData, limits: GeminiLimits) -> Iterator[Violation]:
    if not file.file_uri:
        yield missing(f"{path}.file_uri", "file_data.file_uri must not be empty.")
    # The provider knows the type of its own files.
    if file.mime_type:
        yield from _mime_type(path, file.mime_type, limits)


def _mime_type(path: str, mime_type: str, limits: GeminiLimits) -> Iterator[Violation]:
    essence = _essence(mime_type)
    known = "/" in essence if limits.input_mime_types is None else essence in limits.input_mime_types
    if not known:
        yield Violation(f"{path}.mime_type", f"Unsupported MIME type: {shortened(mime_type)}")


def _essence(mime_type: str) -> str:
    """The type without parameters, in lower case."""
    return mime_type.partition(";")[0].strip().lower()


def _image_count(contents: Sequence[Content], limits: GeminiLimits) -> Iterator[Violation]:
    # Images that the model drew in earlier turns come back as history; they are no input images.
    given = (part for content in contents if content.role != "model" for part in content.parts)
    count = sum(_is_image(part) for part in given)
    if limits.max_input_images is not None and count > limits.max_input_images:
        text = (
            f"Unable to submit request because it has {count} input images but the supported maximum is "
            f"{limits.max_input_images}. Update the request and try again."
        )
        yield Violation("contents", text)


def _is_image(part: Part) -> bool:
    kind = part.WhichOneof("data")
    if kind == "inline_data":
        return _essence(part.inline_data.mime_type).startswith("image/")
    return kind == "file_data" and _essence(part.file_data.mime_type).startswith("image/")


def _system_instruction(content: Content) -> Iterator[Violation]:
    if not content.parts:
        yield missing("system_instruction.parts", "system_instruction.parts must not be empty.")
    for j, part in enumerate(content.parts):
        if part.WhichOneof("data") != "text":
            field = f"system_instruction.parts[{j}].data"
            yield rule(field, "system_instruction must have text parts only.")
