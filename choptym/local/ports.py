"""Free TCP ports on the loopback interface."""

import random
import socket

from choptym.local.errors import StackError

HOST = "127.0.0.1"

# Below the range from which the kernel takes ports for outgoing connections. In that range a port
# can be taken while its server restarts, and a client of a closed port can connect to itself.
FIRST, LAST = 12_000, 31_999
TRIES = 200

_given: set[int] = set()


def free_port() -> int:
    """Return a port nobody listens on, and never the same one twice in this process."""
    for _ in range(TRIES):
        port = random.randint(FIRST, LAST)  # noqa: S311 - not a secret
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise StackError(f"No free port between {FIRST} and {LAST} on {HOST}.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
