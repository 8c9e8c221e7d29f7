"""Roles, parts and input images of `generateContent`."""

import pytest

from routerhub.images.v1.gemini_pb2 import Blob, Content, FileData, FunctionCall, GenerateContentRequest, Part
from routerhub_server.catalogue import Catalogue, GeminiLimits, GeminiModel
from routerhub_server.errors import InvalidRequestError
from routerhub_server.validation import check_request

CATALOGUE = Catalogue.load()
FLASH = CATALOGUE.resolve("gemini", "gemini-3.1-flash-image")
TEXT = Part(text="a cat")
PNG = Part(inline_data=Blob(mime_type="image/png", data=b"\x89PNG"))


def limited(limits: GeminiLimits) -> GeminiModel:
    return FLASH.model_copy(update={"limits": limits})


def asking(*parts: Part) -> GenerateContentRequest:
    return GenerateContentRequest(contents=[Content(parts=parts)])


def breaches(request: GenerateContentRequest, model: GeminiModel = FLASH) -> list[tuple[str, str, str]]:
    """(field, reason, description) of everything that is refused."""
    try:
        check_request(request, model)
    except InvalidRequestError as error:
        return [(v.field, v.reason, v.description) for v in error.violations]
    return []


def inline(mime_type: str, data: bytes = b"x") -> Part:
    return Part(inline_data=Blob(mime_type=mime_type, data=data))


@pytest.mark.parametrize(
    "request_",
    [
        asking(TEXT),
        asking(TEXT, PNG),
        asking(Part(text="")),
        asking(*[PNG] * 14, TEXT),
        asking(inline("image/jpeg"), inline("image/jpg"), inline("image/webp"), inline("image/heic")),
        asking(inline("IMAGE/PNG; charset=binary")),
        asking(Part(file_data=FileData(file_uri="https://x/files/abc"))),
        asking(Part(file_data=FileData(file_uri="https://x/files/abc", mime_type="image/png"))),
        asking(Part(text="hm", thought=True, thought_signature=b"s")),
        asking(Part(function_call=FunctionCall(name="f"))),
        GenerateContentRequest(
            contents=[
                Content(role="user", parts=[TEXT]),
                Content(role="model", parts=[TEXT, PNG]),
                Content(role="function", parts=[TEXT]),
                Content(role="", parts=[TEXT]),
            ]
        ),
        GenerateContentRequest(
            contents=[Content(parts=[TEXT])], system_instruction=Content(role="user", parts=[TEXT])
        ),
    ],
)
def test_good_contents_pass(request_: GenerateContentRequest) -> None:
    assert breaches(request_) == []


NO_DATA = "required oneof field 'data' must have one initialized field"
NO_BYTES = "inline_data.data must not be empty."
PROMPT = Content(parts=[TEXT])


@pytest.mark.parametrize(
    ("request_", "field", "text"),
    [
        (GenerateContentRequest(), "contents", "contents is not specified"),
        (
            GenerateContentRequest(contents=[PROMPT, Content(role="user")]),
            "contents[1].parts",
            "contents.parts must not be empty.",
        ),
        (
            GenerateContentRequest(contents=[PROMPT] * 33 + [Content(parts=[Part()])]),
            "contents[33].parts[0].data",
            NO_DATA,
        ),
        (asking(TEXT, Part(thought_signature=b"s")), "contents[0].parts[1].data", NO_DATA),
        (
            asking(Part(inline_data=Blob(mime_type="image/png"))),
            "contents[0].parts[0].inline_data.data",
            NO_BYTES,
        ),
        (
            asking(TEXT, Part(inline_data=Blob(mime_type="image/png", data=b"", display_name="n"))),
            "contents[0].parts[1].inline_data.data",
            NO_BYTES,
        ),
        (
            asking(Part(file_data=FileData(mime_type="image/png"))),
            "contents[0].parts[0].file_data.file_uri",
            "file_data.file_uri must not be empty.",
        ),
        (
            GenerateContentRequest(contents=[PROMPT], system_instruction=Content()),
            "system_instruction.parts",
            "system_instruction.parts must not be empty.",
        ),
    ],
)
def test_missing_content_is_refused(request_: GenerateContentRequest, field: str, text: str) -> None:
    message = f"* GenerateContentRequest.{field}: {text}\n"
    assert breaches(request_) == [(field, "MISSING_FIELD", message)]


@pytest.mark.parametrize("role", ["system", "assistant", "User", "tool", " "])
def test_unknown_role_is_refused(role: str) -> None:
    request = GenerateContentRequest(contents=[Content(role=role, parts=[TEXT])])
    message = "Please use a valid role: user, model."
    assert breaches(request) == [("contents[0].role", "INVALID_VALUE", message)]


@pytest.mark.parametrize("mime_type", ["png", "", "image/gif", "application/pdf", "video/mp4", "image/png,x"])
def test_mime_type_that_the_model_does_not_read_is_refused(mime_type: str) -> None:
    field = "contents[0].parts[1].inline_data.mime_type"
    message = f"Unsupported MIME type: {mime_type}"
    assert breaches(asking(TEXT, inline(mime_type))) == [(field, "INVALID_VALUE", message)]


def test_mime_type_of_a_file_is_checked() -> None:
    file = Part(file_data=FileData(file_uri="https://x/v.mp4", mime_type="video/mp4"))
    field = "contents[0].parts[0].file_data.mime_type"
    assert breaches(asking(file)) == [(field, "INVALID_VALUE", "Unsupported MIME type: video/mp4")]


def test_long_mime_type_is_quoted_short() -> None:
    [(_, _, message)] = breaches(asking(inline("x" * 5000)))
    assert message == f"Unsupported MIME type: {'x' * 100}..."


def test_model_without_listed_mime_types_takes_any_that_is_well_formed() -> None:
    model = limited(GeminiLimits())
    assert breaches(asking(inline("video/mp4"), inline("application/pdf")), model) == []
    field = "contents[0].parts[0].inline_data.mime_type"
    assert breaches(asking(inline("png")), model) == [(field, "INVALID_VALUE", "Unsupported MIME type: png")]


def test_more_input_images_than_the_model_takes_are_refused() -> None:
    message = (
        "Unable to submit request because it has 15 input images but the supported maximum is 14. Update the "
        "request and try again."
    )
    file = Part(file_data=FileData(file_uri="https://x/a", mime_type="image/png"))
    assert breaches(asking(*[PNG] * 14, file)) == [("contents", "INVALID_VALUE", message)]


def test_images_that_the_model_drew_are_no_input_images() -> None:
    request = asking(*[PNG] * 14)
    request.contents.add(role="model", parts=[PNG] * 10)
    assert breaches(request) == []


def test_input_images_of_all_turns_count() -> None:
    request = asking(*[PNG] * 10)
    request.contents.add(role="user", parts=[PNG] * 5)
    assert [field for field, _, _ in breaches(request)] == ["contents"]


@pytest.mark.parametrize(("size", "refused"), [(999, False), (1000, False), (1001, True)])
def test_inline_file_over_the_limit_is_refused(size: int, refused: bool) -> None:
    model = limited(GeminiLimits(max_inline_bytes=1000))
    field = "contents[0].parts[0].inline_data.data"
    text = "inline_data.data must not exceed 1000 bytes, but has 1001."
    expected = [(field, "INVALID_VALUE", f"* GenerateContentRequest.{field}: {text}\n")] if refused else []
    assert breaches(asking(inline("image/png", b"x" * size)), model) == expected


def test_system_instruction_with_an_image_is_refused() -> None:
    request = asking(TEXT)
    request.system_instruction.parts.extend([TEXT, PNG])
    message = (
        "* GenerateContentRequest.system_instruction.parts[1].data: system_instruction must have text parts "
        "only.\n"
    )
    assert breaches(request) == [("system_instruction.parts[1].data", "INVALID_VALUE", message)]
