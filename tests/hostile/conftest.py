"""A stack of its own for everything hostile: what is thrown at it must not disturb the flows of others."""

from collections.abc import Iterator

import pytest

from tests.live import Live, running_stack, side_by_side

# How long the web server waits for the headers of a request: short, so that a test sees the end of it.
HEADER_SECONDS = 4
QUICK = {
    "GRANIAN_HTTP1_HEADER_READ_TIMEOUT": str(HEADER_SECONDS * 1000),
    # Strangers try many names here, all from one address.
    "LOGIN_THROTTLE": "100000/min",
    "LOGIN_ADDRESS_THROTTLE": "100000/min",
}


@pytest.fixture(scope="session")
def besieged() -> Iterator[Live]:
    with running_stack("hostile", side_by_side, **QUICK) as stack:
        yield stack
