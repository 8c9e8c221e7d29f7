"""Bad input, as hostile or careless clients send it. What each gets back stands in expected.json."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

GEMINI = "/v1beta/models/gemini-2.5-flash-image:generateContent"
GEMINI_3 = "/v1beta/models/gemini-3-pro-image-preview:generateContent"
OPENAI = "/v1/images/generations"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    body: bytes | None
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    """Beside content-type and the key."""
    key: str | None = "x-goog-api-key"
    """Which header carries the valid key; None sends none."""

    @property
    def id(self) -> str:
        door = {GEMINI: "gemini", GEMINI_3: "gemini-3", OPENAI: "openai"}.get(self.path, self.path)
        return f"{self.method} {door}: {self.name}"


def gemini(name: str, body: Any, path: str = GEMINI, **more: Any) -> Case:
    return Case(name, path, _bytes(body), **more)


def openai(name: str, body: Any, **more: Any) -> Case:
    return Case(name, OPENAI, _bytes(body), **{"key": "authorization", **more})


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def asked(**more: Any) -> dict[str, Any]:
    """A valid Gemini request with `more` at its root."""
    return {"contents": [{"role": "user", "parts": [{"text": "a cat"}]}], **more}


def part(**fields: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": "edit"}, fields]}]}


def drawn(**more: Any) -> dict[str, Any]:
    """A valid OpenAI request with `more`; None removes a field."""
    body = {"model": "openai/gpt-image-2", "prompt": "a cat", **more}
    return {name: value for name, value in body.items() if value is not ...}


def malformed(make: Any) -> Iterator[Case]:
    """Bodies that are no JSON object, on either door."""
    for name, body in {
        "no body": b"",
        "blank body": b"   \n",
        "not JSON": b"hello",
        "single quotes": b"{'contents': []}",
        "cut off": b'{"contents": [{"parts": [{"te',
        "trailing text": b'{"prompt": "x"} extra',
        "two objects": b'{"prompt": "x"}{"prompt": "y"}',
        "trailing comma": b'{"prompt": "x",}',
        "comment": b'{"prompt": "x" /* no */}',
        "NaN": b'{"n": NaN}',
        "Infinity": b'{"n": Infinity}',
        "leading zero": b'{"n": 01}',
        "bare word": b'{"n": yes}',
        "invalid UTF-8": b'{"prompt": "\xff\xfe"}',
        "UTF-16": '{"prompt": "x"}'.encode("utf-16"),
        "byte order mark": b'\xef\xbb\xbf{"prompt": "x"}',
        "raw newline in a string": b'{"prompt": "a\nb"}',
        "bad escape": rb'{"prompt": "\x41"}',
        "lone surrogate": rb'{"prompt": "\ud800"}',
        "array at the root": b"[]",
        "string at the root": b'"prompt"',
        "null at the root": b"null",
        "number at the root": b"7",
        "100,000 brackets": b"[" * 100_000,
        "nested too deep": b'{"x":' * 5_000 + b"1" + b"}" * 5_000,
        "a form": b"prompt=a+cat&n=1",
    }.items():
        yield make(name, body)


def gemini_cases() -> Iterator[Case]:
    yield from malformed(gemini)
    yield gemini("unknown field at the root", asked(size="1024x1024"))
    yield gemini("unknown fields, several", asked(size="1", generationConfig={"imageConfig": {"qualty": 1}}))
    yield gemini("unknown field at depth", asked(generationConfig={"imageConfig": {"aspect": "1:1"}}))
    yield gemini("unknown field in a part", part(inlineDatum={"data": PIXEL}))
    yield gemini("unknown field in a tool", asked(tools=[{"googleSearch": {"engine": "x"}}]))
    yield gemini("misspelled case", asked(generationConfig={"ImageConfig": {}}))
    yield gemini("hostile field name", asked(**{"x" * 5_000: 1}))
    yield gemini("field name with markup", asked(**{"<script>\"'": 1}))
    yield gemini("no contents", {})
    yield gemini("contents null", {"contents": None})
    yield gemini("contents empty", {"contents": []})
    yield gemini("contents a string", {"contents": "a cat"})
    yield gemini("contents holds null", {"contents": [None]})
    yield gemini("contents holds a string", {"contents": ["a cat"]})
    yield gemini("parts absent", {"contents": [{"role": "user"}]})
    yield gemini("parts empty", {"contents": [{"parts": []}]})
    yield gemini("parts a string", {"contents": [{"parts": "a cat"}]})
    yield gemini("a part without data", {"contents": [{"parts": [{}]}]})
    yield gemini("a part that only thinks", {"contents": [{"parts": [{"thought": True}]}]})
    yield gemini("two kinds of data in a part", part(text="x", inlineData={"mimeType": "image/png"}))
    yield gemini("text a number", {"contents": [{"parts": [{"text": 12}]}]})
    yield gemini("text an object", {"contents": [{"parts": [{"text": {}}]}]})
    yield gemini("unknown role", {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]})
    yield gemini("both spellings of a field", asked(generationConfig={}, generation_config={}))
    yield gemini("base64 with punctuation", part(inlineData={"mimeType": "image/png", "data": "!!!!"}))
    yield gemini("base64 of a wrong length", part(inlineData={"mimeType": "image/png", "data": "abcde"}))
    yield gemini(
        "base64 a data URL",
        part(inlineData={"mimeType": "image/png", "data": "data:image/png;base64," + PIXEL}),
    )
    yield gemini("data a number", part(inlineData={"mimeType": "image/png", "data": 5}))
    yield gemini("data absent", part(inlineData={"mimeType": "image/png"}))
    yield gemini("data empty", part(inlineData={"mimeType": "image/png", "data": ""}))
    yield gemini("MIME type absent", part(inlineData={"data": PIXEL}))
    yield gemini("MIME type not one", part(inlineData={"mimeType": "png", "data": PIXEL}))
    yield gemini("MIME type of another kind", part(inlineData={"mimeType": "application/zip", "data": PIXEL}))
    yield gemini("HEIC to a model without it", part(inlineData={"mimeType": "image/heic", "data": PIXEL}))
    yield gemini(
        "more images than the model takes",
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}] * 15}]},
    )
    for name, config in {
        "config a list": [],
        "config a string": "x",
        "temperature a word": {"temperature": "hot"},
        "temperature a boolean": {"temperature": True},
        "temperature too high": {"temperature": 2.5},
        "temperature negative": {"temperature": -0.1},
        "top_p too high": {"topP": 1.5},
        "top_k zero": {"topK": 0},
        "candidate count a fraction": {"candidateCount": 1.5},
        "candidate count zero": {"candidateCount": 0},
        "candidate count huge": {"candidateCount": 10**30},
        "max output tokens negative": {"maxOutputTokens": -1},
        "seed too large": {"seed": 2**31},
        "seed a list": {"seed": [1]},
        "six stop sequences": {"stopSequences": list("abcdef")},
        "stop sequences hold a number": {"stopSequences": [1]},
        "modality unknown": {"responseModalities": ["VIDEO"]},
        "modality a number out of range": {"responseModalities": [99]},
        "audio from an image model": {"responseModalities": ["AUDIO"]},
        "aspect ratio unknown": {"imageConfig": {"aspectRatio": "17:3"}},
        "aspect ratio a number": {"imageConfig": {"aspectRatio": 1.5}},
        "aspect ratio only newer models know": {"imageConfig": {"aspectRatio": "8:1"}},
        "image size unknown": {"imageConfig": {"imageSize": "16K"}},
        "response MIME type with images": {"responseMimeType": "application/json"},
        "thinking level unknown": {"thinkingConfig": {"thinkingLevel": "COSMIC"}},
        "thinking budget a word": {"thinkingConfig": {"thinkingBudget": "lots"}},
        "schema type unknown": {"responseSchema": {"type": "TUPLE"}},
        "several at once": {"temperature": 9, "topP": 9, "imageConfig": {"aspectRatio": "9"}},
        "a huge number": {"temperature": 1e308},
    }.items():
        yield gemini(name, asked(generationConfig=config))
    yield gemini(
        "a number beyond floating point", b'{"contents":[],"generationConfig":{"temperature":1e999}}'
    )
    yield gemini(
        "a number of 10,000 digits", b'{"contents":[],"generationConfig":{"seed":' + b"9" * 10_000 + b"}}"
    )
    yield gemini("safety category unknown", asked(safetySettings=[{"category": "BAD", "threshold": "OFF"}]))
    yield gemini("system instruction a string", asked(systemInstruction="paint"))
    yield gemini(
        "system instruction with an image",
        asked(systemInstruction={"parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}),
    )
    yield gemini("labels a list", asked(labels=["a"]))
    yield gemini("label value a number", asked(labels={"a": 1}))
    yield gemini("store a string", asked(store="true"))
    yield gemini("cached content a number", asked(cachedContent=5))
    yield gemini("function arguments a list", part(functionCall={"name": "f", "args": [1]}))
    yield gemini("body names another model", asked(model="models/other"))
    yield gemini(
        "image size of another model",
        asked(generationConfig={"imageConfig": {"imageSize": "512"}}),
        path=GEMINI_3,
    )


def openai_cases() -> Iterator[Case]:
    yield from malformed(openai)
    wrong: dict[str, dict[str, Any]] = {
        "unknown field": {"aspect_ratio": "16:9"},
        "unknown fields, several": {"seed": 1, "negative_prompt": "dogs"},
        "camel case": {"outputFormat": "png"},
        "hostile field name": {"y" * 5_000: 1},
        "prompt absent": {"prompt": ...},
        "prompt null": {"prompt": None},
        "prompt empty": {"prompt": ""},
        "prompt a number": {"prompt": 7},
        "prompt a list": {"prompt": ["a cat"]},
        "prompt an object": {"prompt": {"text": "a cat"}},
        "prompt too long": {"prompt": "x" * 32_001},
        "model absent": {"model": ...},
        "model null": {"model": None},
        "model empty": {"model": ""},
        "model a number": {"model": 2},
        "model unknown": {"model": "dall-e-9"},
        "model of the other interface": {"model": "google/gemini-2.5-flash-image"},
        "n zero": {"n": 0},
        "n negative": {"n": -3},
        "n eleven": {"n": 11},
        "n a fraction": {"n": 1.5},
        "n a string": {"n": "2"},
        "n a boolean": {"n": True},
        "n huge": {"n": 10**40},
        "size unknown": {"size": "big"},
        "size a number": {"size": 1024},
        "size not a multiple of 16": {"size": "1030x1030"},
        "size too small": {"size": "256x256"},
        "size too wide": {"size": "3840x640"},
        "size too large": {"size": "3840x3840"},
        "size zero": {"size": "0x0"},
        "size with digits of another script": {"size": "\u0661\u0660\u0662\u0664x1024"},
        "quality unknown": {"quality": "ultra"},
        "quality of another vendor's model": {"quality": "hd"},
        "background unknown": {"background": "blue"},
        "transparent JPEG": {"background": "transparent", "output_format": "jpeg"},
        "moderation unknown": {"moderation": "none"},
        "format unknown": {"output_format": "tiff"},
        "format a list": {"output_format": ["png"]},
        "compression above 100": {"output_format": "jpeg", "output_compression": 101},
        "compression negative": {"output_format": "jpeg", "output_compression": -1},
        "compression of a PNG": {"output_compression": 50},
        "partial images above 3": {"partial_images": 4, "stream": True},
        "stream a string": {"stream": "yes"},
        "response format": {"response_format": "b64_json"},
        "style": {"style": "vivid"},
        "svg": {"svg": {"model": "x"}},
        "svg with an unknown field": {"svg": {"model": "x", "reasoning": {"depth": 1}}},
        "frames": {"frame_count": 4},
        "user a number": {"user": 5},
        "several at once": {"n": 99, "quality": "best", "size": "x"},
    }
    for name, fields in wrong.items():
        yield openai(name, drawn(**fields))
    yield openai("size of another model", drawn(model="gpt-image-1.5", size="1536x864"))
    yield openai("a number beyond floating point", b'{"model":"gpt-image-2","prompt":"x","n":1e999}')


def access_cases() -> Iterator[Case]:
    for name, headers in {
        "no key": {},
        "key unknown": {"authorization": "Bearer rh_test_unknown_0123456789abcdefghijklm"},
        "key malformed": {"authorization": "Bearer rh_nonsense"},
        "key of another system": {"authorization": "Bearer AIzaSyExample"},
        "Basic authorization": {"authorization": "Basic dXNlcjpwYXNz"},
        "Bearer without a key": {"authorization": "Bearer"},
    }.items():
        yield gemini(name, asked(), key=None, headers=headers)
        yield openai(name, drawn(), key=None, headers=headers)
    yield openai("Google's key header", drawn(), key="x-goog-api-key")
    yield Case("key in the URL", f"{GEMINI}?key=rh_0123456789abcdef", _bytes(asked()), key=None)


def route_cases() -> Iterator[Case]:
    body = _bytes(asked())
    yield Case("unknown model", "/v1beta/models/gemini-9:generateContent", body)
    yield Case("unknown model, v1", "/v1/models/gemini-9:generateContent", body)
    yield Case("model of the other interface", "/v1beta/models/gpt-image-2:generateContent", body)
    yield Case("model empty", "/v1beta/models/:generateContent", body)
    yield Case("tuned model", "/v1beta/tunedModels/foo:generateContent", body)
    yield Case("other verb", "/v1beta/models/gemini-2.5-flash-image:embedContent", body)
    yield Case(
        "streaming an image", "/v1beta/models/gemini-2.5-flash-image:streamGenerateContent?alt=sse", body
    )
    yield Case("doubled version", "/v1beta/v1beta/models/gemini-2.5-flash-image:generateContent", body)
    yield Case("traversal", "/v1beta/models/../../etc/passwd:generateContent", body)
    yield Case("unknown path", "/v1/chat/completions", body, key="authorization")
    yield Case("root", "/", body)
    yield Case("unknown path of Google's", "/v1beta/files", body)
    yield Case("GET a call", GEMINI, None, method="GET")
    yield Case("GET a call", OPENAI, None, method="GET", key="authorization")
    yield Case("PUT a call", OPENAI, _bytes(drawn()), method="PUT", key="authorization")
    yield Case("DELETE a call", GEMINI, None, method="DELETE")
    yield Case("PATCH a call", GEMINI, body, method="PATCH")
    yield Case("POST a list", "/v1/models", b"{}", key="authorization")
    yield Case("POST a list", "/v1beta/models", b"{}")
    yield Case("model to get unknown", "/v1/models/gpt-9", None, method="GET", key="authorization")
    yield Case("model to get unknown", "/v1beta/models/gemini-9", None, method="GET")
    yield Case("page token bad", "/v1beta/models?pageToken=zzz", None, method="GET")
    yield Case("page size negative", "/v1beta/models?pageSize=-1", None, method="GET")
    yield Case("page size a word", "/v1beta/models?pageSize=many", None, method="GET")


def header_cases() -> Iterator[Case]:
    for name, content_type in {
        "plain text": "text/plain",
        "a form": "application/x-www-form-urlencoded",
        "multipart": "multipart/form-data; boundary=x",
        "protobuf": "application/x-protobuf",
        "nonsense": "json",
    }.items():
        yield gemini(f"content type {name}", asked(), headers={"content-type": content_type})
        yield openai(f"content type {name}", drawn(), headers={"content-type": content_type})


CASES = [*gemini_cases(), *openai_cases(), *access_cases(), *route_cases(), *header_cases()]
