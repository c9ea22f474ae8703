"""Whatever happens, in whatever order: the promises of docs/invariants.md hold."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.gateways import GATEWAYS
from tests.machine.machine import PaymentMachine
from tests.machine.world import World

EXAMPLES = 500
STEPS = 12
# What the examples of one run must have come to, each so often: nothing can be found where a machine never goes.
LEAST = 5
# Seldom by nature: most money that staff may give back goes the way that it came.
LEAST_OF = {"refund STAFF WALLET": 1}
ENDS = (
    *(f"payment {state}" for state in ("SETTLED", "FAILED", "EXPIRED", "CANCELLED", "REVIEW")),
    *(f"attempt {state}" for state in ("PAID", "SURPLUS", "NOT_PAID", "REFUSED", "NOT_SENT", "POSTPONED", "ABSENT")),
    *(f"attempt {state}" for state in ("ACCEPTED", "UNKNOWN")),
    *(f"settled by {gateway}" for gateway in (*GATEWAYS, "wallet")),
    *("settled after the end", "settled when sold out"),
    *("refund REFUNDED", "refund FAILED"),
    *("refund STAFF GATEWAY", "refund STAFF WALLET", "refund OUTSIDE GATEWAY"),
)


@pytest.mark.timeout(1_200)  # some three minutes on two idle cores, and more with others beside it
@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-3")
@pytest.mark.invariant("INV-4")
@pytest.mark.invariant("INV-5")
@pytest.mark.invariant("INV-6")
@pytest.mark.invariant("INV-7")
def test_whatever_happens_the_promises_hold(world: World, request: pytest.FixtureRequest) -> None:
    """The same examples every time; others with ARGS="--hypothesis-seed=7"."""
    has_seed = request.config.getoption("--hypothesis-seed") is not None
    PaymentMachine.ended.clear()

    run_state_machine_as_test(
        lambda: PaymentMachine(world),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not has_seed,
            database=None,
            deadline=None,
            print_blob=True,
            # Making a find small takes minutes: the run that is the same every time only names it.
            phases=[Phase.generate, Phase.shrink] if has_seed else [Phase.generate],
            report_multiple_bugs=False,
            # A step is a request, a worker's whole task or a gateway's call: an example takes a fifth of a second.
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )

    # The project's own proof, over all that the examples left behind: a second opinion, in other words.
    assert world.new_breaks() == {}
    ended = PaymentMachine.ended
    assert ended["examples"] >= EXAMPLES, ended
    # A machine that never comes to these could not have found anything about them.
    seldom = {end: ended[end] for end in ENDS if ended[end] < LEAST_OF.get(end, LEAST)}
    assert not seldom, f"{seldom} of {dict(ended)}"
