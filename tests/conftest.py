"""What every test may ask for."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import hypothesis
import pytest

from choptym.lib import clock, drain
from choptym.lib.deadline import moment
from payments import in_force
from tests.gateways import switched_on
from tests.live import Live, running_stack, side_by_side
from tests.payments.gateways.sandbox import Sandbox
from tests.sandboxes import running_sandbox

# Beside five other processes the time of an example says nothing.
hypothesis.settings.register_profile("crowded", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("crowded")


@pytest.fixture(autouse=True)
def _nobody_steers() -> None:
    """Nobody has ordered anything, and no test that has no database is asked for one (see the fixture steered)."""
    in_force.orders.put(in_force.Orders())


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' machine is the database's too, so no test that has no database asks for the time (see own_clock)."""
    monkeypatch.setattr(clock, "READ_AGAIN_SECONDS", float("inf"))
    monkeypatch.setattr(clock, "_reading", clock.Reading(datetime.now(UTC), moment(), 0.0))
    monkeypatch.setattr(clock, "_asks_again_at", float("inf"))


@pytest.fixture(autouse=True)
def _nobody_comes_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that a test calls has the machine to itself, so it waits for nobody; tests/lib/test_drain.py does."""
    monkeypatch.setattr(drain, "GATHER_SECONDS", (0.001,))


@pytest.fixture
def own_clock(_one_clock: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock as it is in a process of ours that has just begun."""
    monkeypatch.setattr(clock, "READ_AGAIN_SECONDS", 10.0)
    clock.forget()
    yield
    clock.forget()


@pytest.fixture
def steered(_nobody_steers: None) -> None:
    """What is ordered holds, as it does in a process of ours."""
    in_force.orders.forget()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Print figures that were measured, one JSON object a line, whether the test passes or not."""

    def say(**figures: object) -> None:
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
        with capsys.disabled():
            sys.stdout.write(f"\n{json.dumps(rounded)}\n")

    return say


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The whole stack on a database of its own: web, workers, beat and the sandbox, as processes."""
    with running_stack("flows", side_by_side) as stack:
        yield stack


@pytest.fixture(scope="session")
def gateway_sandbox() -> Iterator[Sandbox]:
    """The sandbox as a process of its own, one for all tests that call adapters in their own process."""
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, with all four gateways switched on in our settings and pointed at it."""
    with switched_on(gateway_sandbox.url):
        yield gateway_sandbox


@pytest.fixture
def silent_gateways() -> Iterator[None]:
    """All four gateways switched on, with nobody at their addresses."""
    with switched_on():
        yield
