"""RestService, which Envoy uses, has the REST paths of the typed service, which is the contract."""

import re
from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from routerhub.images.v1 import image_generation_service_pb2, rest_service_pb2

TYPED = image_generation_service_pb2.DESCRIPTOR.services_by_name["ImageGenerationService"]
REST = rest_service_pb2.DESCRIPTOR.services_by_name["RestService"]


def bindings(method: MethodDescriptor) -> list[dict[str, Any]]:
    """The verb and path of every binding, in order, with its body."""
    options: Any = method.GetOptions()  # typeshed has no extensions made of descriptors
    rule = json_format.MessageToDict(options.Extensions[annotations_pb2.http])
    return [rule, *rule.pop("additionalBindings", [])]


def routes(method: MethodDescriptor) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "body"} for one in bindings(method)]


def bodies(method: MethodDescriptor) -> set[str | None]:
    return {binding.get("body") for binding in bindings(method)}


def test_every_typed_method_has_its_rest_twin() -> None:
    assert set(REST.methods_by_name) - set(TYPED.methods_by_name) == {"Unmatched"}
    assert set(TYPED.methods_by_name) - set(REST.methods_by_name) == set()


@pytest.mark.parametrize("name", TYPED.methods_by_name)
def test_routes_of_twins_are_equal_and_in_the_same_order(name: str) -> None:
    assert routes(TYPED.methods_by_name[name])
    assert routes(REST.methods_by_name[name]) == routes(TYPED.methods_by_name[name])


@pytest.mark.parametrize("name", ["GenerateContent", "GenerateImages"])
def test_the_body_is_the_typed_message_or_the_raw_http_body(name: str) -> None:
    assert bodies(TYPED.methods_by_name[name]) == {"*"}
    assert bodies(REST.methods_by_name[name]) == {"body"}


@pytest.mark.parametrize("name", ["ListModels", "GetModel"])
def test_reading_methods_take_no_body(name: str) -> None:
    assert bodies(TYPED.methods_by_name[name]) == bodies(REST.methods_by_name[name]) == {None}


@pytest.mark.parametrize("method", [*TYPED.methods, *REST.methods], ids=lambda method: method.full_name)
def test_variables_of_paths_are_string_fields_of_the_request(method: MethodDescriptor) -> None:
    strings = {field.name for field in method.input_type.fields if field.type == FieldDescriptor.TYPE_STRING}
    assert set(re.findall(r"\{(\w+)=", str(routes(method)))) <= strings
