"""Models in the vendors' shapes."""

import pytest
from google.protobuf.json_format import MessageToDict

from routerhub_server.catalogue import Catalogue
from routerhub_server.catalogue.listing import google_model, google_page, openai_model
from routerhub_server.errors import InvalidRequestError

CATALOGUE = Catalogue.load()
GEMINI = CATALOGUE.visible("gemini")
NAMES = [f"models/{model.bare_id}" for model in GEMINI]


def test_google_model_has_the_bare_name() -> None:
    model = CATALOGUE.resolve("gemini", "google/gemini-3-pro-image-preview")
    assert MessageToDict(google_model(model)) == {
        "name": "models/gemini-3-pro-image-preview",
        "baseModelId": "gemini-3-pro-image-preview",
        "version": "gemini-3-pro-image",
        "displayName": "Gemini 3 Pro Image (preview)",
        "description": "Served by gemini-3-pro-image.",
        "inputTokenLimit": 65536,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": ["generateContent"],
        "maxTemperature": 2.0,
        "topP": 0.95,
        "thinking": True,
    }


def test_google_model_leaves_unknown_limits_out() -> None:
    listed = MessageToDict(google_model(CATALOGUE.resolve("gemini", "gemini-nano-banana-2.1")))
    assert listed.keys().isdisjoint({"inputTokenLimit", "outputTokenLimit", "temperature", "topP", "topK"})


def test_openai_model_has_an_id_that_can_be_pasted_back() -> None:
    listed = openai_model(CATALOGUE.resolve("openai", "gpt-image-2"))
    assert MessageToDict(listed, preserving_proto_field_name=True) == {
        "id": "openai/gpt-image-2",
        "object": "model",
        "created": 1776729600,
        "owned_by": "openai",
    }
    assert CATALOGUE.resolve("openai", listed.id).id == listed.id


def test_gemini_model_in_openais_list_is_googles() -> None:
    assert openai_model(CATALOGUE.resolve("gemini", "gemini-3-pro-image")).owned_by == "google"


def test_default_page_holds_everything_shipped() -> None:
    page = google_page(GEMINI)
    assert [model.name for model in page.models] == NAMES
    assert not page.HasField("next_page_token")


@pytest.mark.parametrize("size", [1, 2, 4, len(NAMES), 1000, 5000])
def test_pages_add_up_to_the_list(size: int) -> None:
    names, token = [], ""
    while True:
        page = google_page(GEMINI, size, token)
        assert 1 <= len(page.models) <= size
        names += [model.name for model in page.models]
        token = page.next_page_token
        if not token:
            break
    assert names == NAMES


def test_page_is_50_models_by_default_and_1000_at_most() -> None:
    many = tuple(GEMINI[0].model_copy(update={"id": f"google/m{i}"}) for i in range(1200))
    assert len(google_page(many).models) == 50
    assert len(google_page(many, 5000).models) == 1000


@pytest.mark.parametrize("token", ["x", "????", "Z29vZ2xlL25v", "Ã¤", "/w=="])
def test_token_from_elsewhere_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        google_page(GEMINI, 10, token)
    assert caught.value.message == "* ListModelsRequest.page_token: page_token is not valid.\n"


def test_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        google_page(GEMINI, -1)
    assert caught.value.message == "* ListModelsRequest.page_size: page_size must not be negative.\n"
    assert [violation.field for violation in caught.value.violations] == ["page_size"]
