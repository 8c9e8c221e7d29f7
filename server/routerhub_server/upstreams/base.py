"""What the hall and the upstreams say to each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerateContentResponse
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse

Interface = Literal["gemini", "openai"]
Request = GenerateContentRequest | GenerateImagesRequest
Response = GenerateContentResponse | GenerateImagesResponse


@dataclass(frozen=True, slots=True)
class Order:
    """One render, as one upstream is asked for it."""

    request: Request
    """Validated, with defaults applied. Its `model` field is what the caller wrote."""
    model: str
    """The id that this upstream accepts today, e.g. `gemini-3-pro-image`."""
    request_id: str

    @property
    def interface(self) -> Interface:
        return "gemini" if isinstance(self.request, GenerateContentRequest) else "openai"


@dataclass(frozen=True, slots=True)
class ImageHead:
    """The first bytes of an image."""

    mime_type: str
    """As the provider says; empty where it does not."""
    data: bytes
    """Decoded, at most 64 KiB."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the hall needs to know of a reply without reading megabytes of it again."""

    images: int
    """Images that arrived."""
    usage: Mapping[str, Any] = field(default_factory=dict)
    """The provider's usage object as it stands in its JSON (`usageMetadata` or `usage`); empty if none."""
    finish_reasons: tuple[str, ...] = ()
    """Gemini: the finishReason of each candidate, as text."""
    block_reason: str = ""
    """Gemini: promptFeedback.blockReason; empty when the prompt was not blocked."""
    model_version: str = ""
    """The model that the provider says has answered."""
    texts: bool = False
    """Whether words came that are not thoughts."""
    heads: tuple[ImageHead, ...] = ()
    """The beginning of each image that arrived inline, enough to know its format and size."""
    unknown_fields: tuple[str, ...] = ()
    """Dotted names of reply fields that our protos do not know."""


class Reply:
    """A complete, checked reply: the provider's JSON and the typed message, each made when asked for."""

    __slots__ = ("_body", "_decode", "_encode", "_message", "facts")

    def __init__(
        self,
        facts: Facts,
        *,
        body: bytes | None = None,
        decode: Callable[[bytes], Response] | None = None,
        message: Response | None = None,
        encode: Callable[[Response], bytes] | None = None,
    ) -> None:
        """Give either `body` with `decode`, or `message` with `encode`."""
        self.facts = facts
        self._body, self._decode = body, decode
        self._message, self._encode = message, encode

    @property
    def size(self) -> int:
        """Bytes that the reply holds in memory, about."""
        if self._body is not None:
            return len(self._body)
        return self._message.ByteSize() if self._message is not None else 0

    @property
    def body(self) -> bytes:
        """JSON, exactly as the provider sent it (fields unknown to our protos included)."""
        if self._body is None:
            assert self._message is not None and self._encode is not None
            self._body = self._encode(self._message)
        return self._body

    @property
    def message(self) -> Any:
        """The typed reply to the order's request (a Response); image data as raw bytes."""
        if self._message is None:
            assert self._body is not None and self._decode is not None
            self._message = self._decode(self._body)
        return self._message


class Upstream(Protocol):
    """Something that can render. Raises only RouterHubError; cancelling the task aborts the provider call."""

    name: str

    def serves(self, interface: Interface) -> bool:
        """Whether it has this interface at all."""
        ...

    def lacks(self, order: Order) -> tuple[str, ...]:
        """Fields of the request, by path, that this upstream would refuse or ignore; empty: it can serve."""
        ...

    async def render(self, order: Order) -> Reply: ...

    async def probe(self, models: Sequence[str]) -> None:
        """Test address and credentials, and that the models exist, without buying an image.

        Raises RouterHubError.
        """
        ...

    async def close(self) -> None: ...
