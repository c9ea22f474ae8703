"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from tests.live import Live, running_stack


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The whole stack on a database of its own: web, workers, beat and the sandbox, as processes."""
    with running_stack() as stack:
        yield stack
