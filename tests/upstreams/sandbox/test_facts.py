"""The sandbox tells of its replies what the providers' adapters read from theirs."""

import pytest

from routerhub_server.upstreams.base import Facts, Request
from routerhub_server.upstreams.sandbox import SandboxSettings, SandboxUpstream
from tests.upstreams.sandbox.orders import gemini, openai, order


async def facts_of(request: Request) -> Facts:
    sandbox = SandboxUpstream("sandbox", SandboxSettings())
    try:
        return (await sandbox.render(order(request))).facts
    finally:
        await sandbox.close()


async def test_gemini_reply_has_words_and_the_head_of_its_image() -> None:
    facts = await facts_of(gemini("a cat"))
    (head,) = facts.heads
    assert (facts.images, facts.texts, facts.unknown_fields) == (1, True, ())
    assert head.mime_type == "image/png"
    assert head.data.startswith(b"\x89PNG\r\n\x1a\n")


async def test_answer_in_words_has_no_heads() -> None:
    facts = await facts_of(gemini("[sandbox:no-image] a cat"))
    assert (facts.images, facts.texts, facts.heads) == (0, True, ())


async def test_openai_reply_has_a_head_for_each_image() -> None:
    facts = await facts_of(openai("a cat", n=2, output_format="jpeg"))
    assert [head.mime_type for head in facts.heads] == ["image/jpeg"] * 2
    assert all(head.data.startswith(b"\xff\xd8\xff") and len(head.data) <= 65_536 for head in facts.heads)
    assert not facts.texts


@pytest.mark.parametrize("request_", [gemini("a cat"), openai("a cat")])
async def test_sandbox_lacks_nothing_and_probes_well(request_: Request) -> None:
    sandbox = SandboxUpstream("sandbox", SandboxSettings())
    assert sandbox.serves("gemini")
    assert sandbox.serves("openai")
    assert sandbox.lacks(order(request_)) == ()
    await sandbox.probe(["any", "model"])
    await sandbox.close()
