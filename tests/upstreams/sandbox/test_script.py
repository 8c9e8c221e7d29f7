import pytest

from routerhub_server.upstreams.sandbox.script import MarkerError, Script, without_markers


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a fox", Script()),
        ("[sandbox:latency=0.5] a fox", Script(latency=0.5)),
        ("a [sandbox:error=503] fox", Script(error=503)),
        ("[sandbox:timeout]", Script(timeout=True)),
        ("[sandbox:bad-reply]", Script(bad_reply=True)),
        ("[sandbox:block=PROHIBITED_CONTENT]", Script(block="PROHIBITED_CONTENT")),
        ("[sandbox:finish=IMAGE_SAFETY]", Script(finish="IMAGE_SAFETY")),
        ("[sandbox:no-image]", Script(no_image=True)),
        ("[sandbox:bytes=1000]", Script(bytes=1000)),
        ("[sandbox:latency=2] x [sandbox:error=429]", Script(latency=2, error=429)),
        ("[sandbox:latency=2][sandbox:latency=3]", Script(latency=3)),
    ],
)
def test_markers_are_read(text: str, script: Script) -> None:
    assert Script().read(text) == script


def test_markers_go_before_what_is_configured() -> None:
    assert Script(latency=5, error=500).read("[sandbox:latency=1]") == Script(latency=1, error=500)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[sandbox:explode]", "'explode'"),
        ("[sandbox:]", "''"),
        ("[sandbox:latency]", "'latency'"),
        ("[sandbox:latency=-1]", "'-1'"),
        ("[sandbox:latency=nan]", "'nan'"),
        ("[sandbox:latency=1e9]", "'1e9'"),
        ("[sandbox:error=200]", "'200'"),
        ("[sandbox:error=teapot]", "'teapot'"),
        ("[sandbox:block]", "'block'"),
        ("[sandbox:block=safety]", "'safety'"),
        ("[sandbox:timeout=3]", "'3'"),
        ("[sandbox:bytes=99999999999]", "'99999999999'"),
    ],
)
def test_wrong_marker_is_named(text: str, named: str) -> None:
    with pytest.raises(MarkerError) as caught:
        Script().read(text)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[sandbox]", "sandbox:error=429", "[sandbox:error=429", "[SANDBOX:error=429]"]
)
def test_what_only_resembles_a_marker_is_text(text: str) -> None:
    assert Script().read(text) == Script()


def test_markers_are_left_out_of_the_text() -> None:
    assert without_markers("[sandbox:latency=1] a  red [sandbox:no-image]\nfox") == "a red fox"


@pytest.mark.timeout(5)
def test_hostile_prompts_are_read_in_one_pass() -> None:
    for hostile in ("[sandbox:" * 200_000, " " * 2_000_000, "[sandbox:a=" * 200_000):
        assert Script().read(hostile) == Script()
        without_markers(hostile)
