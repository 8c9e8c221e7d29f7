"""API keys: `rh_<id>_<256 random bits>_<checksum>`, each part in base 62.

The id finds the row; the checksum tells a typing error from an unknown key without a look-up. An operator may
also bring a first key of their own making, any `rh_` text of 32 or more visible ASCII characters: its id is
derived from its hash. Only the hash of a whole key is ever stored. The tokens of operators are made the same
way, with `rha_` at their beginning.
"""

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 12  # 71 bits: nobody meets a collision
BITS_LENGTH = 43  # the fewest base 62 digits that hold 256 bits
CHECKSUM_LENGTH = 6  # the fewest that hold a CRC-32

Prefix = Literal["rh", "rha"]
GENERATED = re.compile(
    rf"(rha?)_([0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{BITS_LENGTH}}}_[0-9A-Za-z]{{{CHECKSUM_LENGTH}}}"
)
FREE_FORM = re.compile(r"rh_[!-~]{29,}")


class MalformedSecretError(ValueError):
    """The text cannot be a key; the message says why and does not repeat the text."""


@dataclass(frozen=True, slots=True)
class Secret:
    id: str
    """Public: where to look the key up."""
    text: str = field(repr=False)
    """The whole key, as its holder presents it."""

    @property
    def hash(self) -> bytes:
        """SHA-256 of the key, 32 bytes. 256 random bits need no slow hash."""
        return sha256(self.text.encode()).digest()

    def matches(self, stored_hash: bytes) -> bool:
        """Whether this is the key behind the hash, in a time that does not depend on the answer."""
        return hmac.compare_digest(self.hash, stored_hash)


def generate(prefix: Prefix = "rh") -> Secret:
    """A new key, or with `rha` a new operator's token."""
    secret_id = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    stem = f"{prefix}_{secret_id}_{_base62(secrets.randbits(256), BITS_LENGTH)}"
    return Secret(secret_id, f"{stem}_{_checksum(stem)}")


def parse(text: str, prefix: Prefix = "rh") -> Secret:
    """The key or token in `text`, known or not. Raises MalformedSecretError."""
    match = GENERATED.fullmatch(text)
    if match and match[1] == prefix:
        stem, _, checksum = text.rpartition("_")
        if checksum != _checksum(stem):
            raise MalformedSecretError("its checksum does not match, so it was mistyped or cut")
        return Secret(match[2], text)
    if prefix != "rh":
        raise MalformedSecretError(f"it has not the form `{prefix}_...`")
    if not FREE_FORM.fullmatch(text):
        raise MalformedSecretError("keys start with `rh_` and have at least 32 visible ASCII characters")
    return Secret(sha256(text.encode()).hexdigest()[:16], text)


def _checksum(stem: str) -> str:
    return _base62(zlib.crc32(stem.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
