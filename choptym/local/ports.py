"""Free TCP ports on the loopback interface."""

import random
import socket
import sys

from choptym.local.errors import StackError

HOST = "127.0.0.1"

# Below the range from which the kernel takes ports for outgoing connections. In that range a port
# can be taken while its server restarts, and a client of a closed port can connect to itself.
FIRST, LAST = 12_000, 31_999
TRIES = 200

# What was given to this process, by port: the file that holds the name, for as long as the process lives.
_given: dict[int, int] = {}


def free_port() -> int:
    """Return a port nobody listens on and nobody else was given: not even a stack that starts at the same moment."""
    for _ in range(TRIES):
        port = random.randint(FIRST, LAST)  # noqa: S311 - not a secret
        if _is_free(port) and _reserve(port):
            return port
    raise StackError(f"No free port between {FIRST} and {LAST} on {HOST}.")


def _reserve(port: int) -> bool:
    """By a name that only one process can have and that the kernel forgets with it. Only Linux has such names."""
    if port in _given:
        return False
    reserved = socket.socket(socket.AF_UNIX)
    try:
        if sys.platform == "linux":
            reserved.bind(f"\0choptym-port-{port}")
    except OSError:
        reserved.close()
        return False
    _given[port] = reserved.detach()
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
