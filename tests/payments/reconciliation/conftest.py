"""A sandbox of their own: these tests read whole days of it, so what others collected would be in their reports."""

from collections.abc import Iterator

import pytest

from tests.payments.gateways.sandbox import Sandbox
from tests.payments.reconciliation.world import all_switched_on
from tests.sandboxes import running_sandbox


@pytest.fixture(scope="session")
def own_sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(own_sandbox: Sandbox) -> Iterator[Sandbox]:
    """Empty, with all four gateways switched on in our settings and pointed at it."""
    own_sandbox.ask("POST", "/control/reset", {})
    with all_switched_on(own_sandbox.url):
        yield own_sandbox


@pytest.fixture
def silent_gateways() -> Iterator[None]:
    """All four switched on, with nobody at their addresses."""
    with all_switched_on():
        yield
