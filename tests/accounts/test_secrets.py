import sys
from hashlib import sha256
from types import BuiltinFunctionType, FrameType

import pytest

from routerhub_server.accounts.secrets import ALPHABET, MalformedSecretError, Secret, generate, parse

BROUGHT = "rh_test_0123456789abcdefghijklmnopqrstuv"


def test_generated_secret_parses_to_itself() -> None:
    secret = generate()
    assert parse(secret.text) == secret
    prefix, secret_id, bits, checksum = secret.text.split("_")
    assert (prefix, secret_id, len(bits), len(checksum)) == ("rh", secret.id, 43, 6)


def test_generated_secrets_differ_in_every_part() -> None:
    first, second = generate().text.split("_")[1:], generate().text.split("_")[1:]
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_every_single_typing_error_is_malformed() -> None:
    text = generate().text
    for position in range(3, len(text)):
        if text[position] == "_":
            continue
        wrong = ALPHABET[(ALPHABET.index(text[position]) + 1) % 62]
        with pytest.raises(MalformedSecretError, match="checksum"):
            parse(text[:position] + wrong + text[position + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "rh_",
        "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz",
        "AIzaSy0123456789abcdefghijklmnopqrstuvwxyz",
        "RH_test_0123456789abcdefghijklmnopqrstuv",
        "rh_" + "a" * 28,
        "rh_" + "a" * 20 + " " + "a" * 20,
        BROUGHT + "\n",
        BROUGHT + "\x00",
        BROUGHT + "é",
        BROUGHT + "\ud800",
    ],
)
def test_text_that_is_no_key_is_malformed_and_not_repeated(text: str) -> None:
    with pytest.raises(MalformedSecretError) as caught:
        parse(text)
    assert text not in str(caught.value) or text == "rh_"


def test_brought_key_of_32_characters_gets_an_id_from_its_hash() -> None:
    text = "rh_" + "a" * 29
    assert parse(text).id == sha256(text.encode()).hexdigest()[:16]
    assert parse(text).hash == sha256(text.encode()).digest()


def test_secret_matches_only_its_own_hash() -> None:
    secret = generate()
    assert secret.matches(secret.hash)
    assert not secret.matches(generate().hash)
    assert not secret.matches(b"")


def test_hashes_are_compared_in_constant_time() -> None:
    """The comparison is the C function made for it, seen by the interpreter's own profiler."""
    called: list[str] = []

    def profile(_frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call" and isinstance(argument, BuiltinFunctionType):
            called.append(argument.__name__)

    secret = generate()
    stored = secret.hash
    sys.setprofile(profile)
    try:
        secret.matches(stored)
    finally:
        sys.setprofile(None)
    assert "compare_digest" in " ".join(called)


def test_representation_does_not_show_the_key() -> None:
    assert BROUGHT not in repr(Secret("id", BROUGHT))
