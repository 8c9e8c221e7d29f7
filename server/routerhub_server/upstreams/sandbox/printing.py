"""Reply -> JSON, laid out as both providers lay it out."""

import msgspec

from routerhub_server.json_codec import encode
from routerhub_server.upstreams.base import Response


def print_json(reply: Response) -> bytes:
    """Indented: the vendors' own curl examples look for `"data": "`, with its space."""
    return msgspec.json.format(encode(reply), indent=2)
