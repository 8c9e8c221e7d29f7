"""Providers' replies: what is new is skipped and told, what is wrong is a bad reply."""

import json

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentResponse
from routerhub.images.v1.openai_images_pb2 import GenerateImagesResponse
from routerhub_server.errors import UpstreamBadReplyError
from routerhub_server.json_codec import decode_reply


def read(data: object) -> tuple[GenerateContentResponse, list[str]]:
    unknown: list[str] = []
    return decode_reply(json.dumps(data).encode(), GenerateContentResponse, unknown), unknown


def test_unknown_fields_are_skipped_and_named_once() -> None:
    candidate = {"newThing": {"deep": [1]}, "content": {"parts": [{"text": "x", "mood": 1}, {"mood": 2}]}}
    reply, unknown = read({"candidates": [candidate, candidate], "brandNew": 1})
    assert reply.candidates[1].content.parts[0].text == "x"
    assert unknown == ["candidates.newThing", "candidates.content.parts.mood", "brandNew"]


def test_unknown_fields_need_no_list() -> None:
    assert decode_reply(b'{"x":1,"modelVersion":"m"}', GenerateContentResponse).model_version == "m"


def test_unknown_enum_name_is_skipped_and_told() -> None:
    ratings = [{"category": "HARM_CATEGORY_NEW", "blocked": True}]
    reply, unknown = read({"candidates": [{"safetyRatings": ratings}]})
    assert reply.candidates[0].safety_ratings[0].blocked
    assert not reply.candidates[0].safety_ratings[0].HasField("category")
    assert unknown == ["candidates.safety_ratings.category=HARM_CATEGORY_NEW"]


def test_open_vocabularies_keep_any_text() -> None:
    reply, unknown = read({"candidates": [{"finishReason": "TIRED"}], "promptFeedback": {"blockReason": 7}})
    assert reply.candidates[0].finish_reason == "TIRED"
    assert reply.prompt_feedback.block_reason == "7"
    assert unknown == []


def test_numbers_as_text_are_read() -> None:
    reply, _ = read({"usageMetadata": {"totalTokenCount": "12"}})
    assert reply.usage_metadata.total_token_count == 12
    assert decode_reply(b'{"created":"1760000000"}', GenerateImagesResponse).created == 1_760_000_000


def test_null_element_is_skipped_and_told() -> None:
    reply, unknown = read({"candidates": [None, {"index": 1}]})
    assert [candidate.index for candidate in reply.candidates] == [1]
    assert unknown == ["candidates=None"]


def test_second_oneof_member_is_skipped_and_told() -> None:
    reply, unknown = read(
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": "QQ"}, "text": ""}]}}]}
    )
    assert reply.candidates[0].content.parts[0].inline_data.data == b"A"
    assert unknown == ["candidates.content.parts.text"]


def test_second_spelling_is_skipped_and_told() -> None:
    reply, unknown = read({"modelVersion": "a", "model_version": "b"})
    assert reply.model_version == "a"
    assert unknown == ["model_version"]


def test_notes_are_bounded() -> None:
    _, unknown = read({f"{i}" + "x" * 1000: 1 for i in range(1000)})
    assert len(unknown) == 100
    assert max(map(len, unknown)) == 200


def test_many_values_are_accepted() -> None:
    tokens = [{"logProbability": -1} for _ in range(130_000)]
    reply, _ = read({"candidates": [{"logprobsResult": {"chosenCandidates": tokens}}]})
    assert len(reply.candidates[0].logprobs_result.chosen_candidates) == 130_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b'"x"',
        b"null",
        b"[" * 100_000,
        b'{"candidates":"x"}',
        b'{"candidates":[[]]}',
        b'{"candidates":[{"index":"x"}]}',
        b'{"candidates":[{"index":1.5}]}',
        b'{"candidates":[{"content":{"parts":[{"inlineData":{"data":"!!!"}}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"inlineData":{"data":5}}]}}]}',
        b'{"candidates":[{"safetyRatings":[{"category":[]}]}]}',
        b'{"createTime":"yesterday"}',
        b'{"modelVersion":{}}',
        b'{"modelVersion":true}',
    ],
)
def test_wrong_reply_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(UpstreamBadReplyError):
        decode_reply(body, GenerateContentResponse)


def test_bad_reply_names_the_place_but_not_the_value() -> None:
    with pytest.raises(UpstreamBadReplyError) as caught:
        decode_reply(b'{"candidates":[{"index":"secret"}]}', GenerateContentResponse)
    assert caught.value.message == "The provider's reply does not fit at 'candidates.index'."
