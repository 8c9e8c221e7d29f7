"""What of a request names things of the operator's at a provider."""

from typing import Any

import pytest
from google.protobuf import json_format

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.provider_ids import is_public, named_in


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/a.png",
        "http://example.com:8080/a.png",
        "HTTPS://EXAMPLE.COM/a",
        "https://www.youtube.com/watch?v=1",
        "https://storage.googleapis.com/bucket/a.png",
        "https://googleapis.com.example/files/a",
    ],
)
def test_what_anybody_can_fetch_is_public(uri: str) -> None:
    assert is_public(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "files/abc",
        "gs://bucket/a.png",
        "GS://bucket/a.png",
        " gs://bucket/a.png",
        "https://generativelanguage.googleapis.com/v1beta/files/abc",
        "https://GENERATIVELANGUAGE.googleapis.com./v1beta/files/abc",
        "https://us-central1-aiplatform.googleapis.com/v1/x",
        "https:///files/abc",
        "https://[",
        "projects/p/locations/l/x",
        "abc",
    ],
)
def test_what_the_provider_knows_by_name_is_not(uri: str) -> None:
    assert not is_public(uri)


FILE: dict[str, Any] = {"fileData": {"fileUri": "files/abc"}}
RESPONSE: dict[str, Any] = {"functionResponse": {"name": "f", "parts": [{}, FILE]}}


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        ({}, []),
        ({"contents": [{"parts": [{"text": "files/abc"}]}]}, []),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "https://example.com/a"}}]}]}, []),
        ({"cachedContent": "cachedContents/a"}, ["cached_content"]),
        ({"outputConfig": {"outputUriPrefix": "gs://a"}}, ["output_config.output_uri_prefix"]),
        (
            {"tools": [{}, {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"]}}]},
            ["tools[1].file_search.file_search_store_names"],
        ),
        ({"systemInstruction": {"parts": [FILE]}}, ["system_instruction.parts[0].file_data.file_uri"]),
        (
            {"contents": [{"parts": [{"text": "x"}, FILE]}, {"parts": [FILE]}]},
            ["contents[0].parts[1].file_data.file_uri", "contents[1].parts[0].file_data.file_uri"],
        ),
        (
            {"contents": [{"parts": [RESPONSE]}]},
            ["contents[0].parts[0].function_response.parts[1].file_data.file_uri"],
        ),
    ],
)
def test_every_name_is_found_by_its_field(request_: dict[str, Any], fields: list[str]) -> None:
    assert list(named_in(json_format.ParseDict(request_, GenerateContentRequest()))) == fields


def test_openais_requests_name_nothing() -> None:
    assert list(named_in(GenerateImagesRequest(model="gpt-image-2", prompt="files/abc"))) == []
