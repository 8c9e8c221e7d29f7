"""Where to listen."""

import socket

from routerhub_server.settings import split_address


class AddressError(Exception):
    """An address cannot be listened on; the message says which, and why."""


def bindable(address: str) -> str:
    """The address with its host as a number: Envoy takes no names. Raises AddressError unless it is free."""
    host, port = split_address(address)
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise AddressError(f"cannot listen on {address}: {error.strerror}") from error
    return f"[{where[0]}]:{port}" if family == socket.AF_INET6 else f"{where[0]}:{port}"
