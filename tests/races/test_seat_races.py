"""A gateway that hangs holds two threads of a worker for each kind of drain, and the others stay free (INV-9)."""

import threading
import time

import pytest

from choptym.lib.drain import SEATS_EACH
from choptym.lib.jobs import redis
from payments.models import Payment
from payments.tasks import confirm_payments
from tests.factories import a_while_ago, make_pending
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.tricks import turned


def due(payments: list[int]) -> None:
    """As a second later, when more of them are to be asked about."""
    Payment.objects.filter(pk__in=payments).update(next_check_at=a_while_ago())


@pytest.mark.invariant("INV-9")
def test_drains_of_a_gateway_that_answers_nothing_leave_threads_to_the_others(
    sandbox: Sandbox, nobody_elses_are_due: None
) -> None:
    redis().flushdb()
    mine = [make_pending()[0].pk for _ in range(2)]
    with turned(sandbox, "fapshi", timeout_rate=1, timeout_hold_ms=2500):
        threads = [threading.Thread(target=confirm_payments, args=("fapshi",)) for _ in range(6)]
        for thread in threads:
            due(mine)
            thread.start()
            time.sleep(0.2)

        assert sum(thread.is_alive() for thread in threads) == SEATS_EACH
        began = time.monotonic()
        confirm_payments("campay")
        assert time.monotonic() - began < 1
        for thread in threads:
            thread.join(30)
