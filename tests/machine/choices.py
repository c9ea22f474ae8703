"""What Hypothesis chooses from."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from hypothesis import strategies as st

from tests.machine.gateways import FAULTS

# Multiples of seven, which no wait of ours is: nothing hangs on the moments that a step itself takes.
MOMENTS = (7, 14, 49, 133, 700, 1_897, 90_006)
WHILES = (21, 203, 203, 2_002)

PICK = st.integers(0, 5)
CUSTOMER = st.sampled_from([0, 1])
METHOD = st.integers(0, 1)  # which of the gateways of the customer's country
LINES = st.dictionaries(st.integers(0, 2), st.integers(1, 2), min_size=1, max_size=2)
LINK = st.sampled_from([False, False, True])
FAULT = st.sampled_from([*FAULTS, "refusal"])
# How an example begins: somebody checks out, and perhaps a worker has taken that up, on a good day or a bad one.
DAY = st.sampled_from([*[""] * 8, "not yet", *FAULTS, "refusal", "refusal"])
BEGINNING = st.tuples(CUSTOMER, LINES, METHOD, LINK, DAY)
# What happens next, so that much can happen to money that is there, lost or late.
NEXT = st.sampled_from(
    [
        *("", "", "paid", "paid oddly", "paid twice", "paid after the end", "paid when sold out"),
        *("declined", "refused", "refunded", "refunded"),
    ]
)


Step = TypeVar("Step", bound=Callable[..., None])


def when(what: str) -> Callable[[Step], Step]:
    """Nothing happens unless the machine has some of these.

    Not a precondition: what Hypothesis chooses must not hang on what our own processes have come to, or an example
    that another time goes another way would count as flaky instead of as a find.
    """

    def decorate(step: Step) -> Step:
        @wraps(step)
        def guarded(machine: Any, **chosen: object) -> None:
            if getattr(machine, what):
                machine.has_changed = True
                step(machine, **chosen)

        return cast("Step", guarded)

    return decorate
