"""Who waits for another thread of the process holds no connection: that other one may need the last of them."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections

from choptym.lib.snapshot import Snapshot
from payments import charge as charging
from payments.gateways.base import Accepted, CollectRequest
from payments.locks import claim_charge
from tests.chaos.patience import eventually
from tests.factories import make_payment


@pytest.mark.invariant("INV-9")
def test_who_asks_a_gateway_holds_no_connection_even_before_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter may wait for whoever fetches an access token: ten who waited held all connections of the worker."""
    payment = make_payment(gateway="campay")
    charge = claim_charge(payment.pk, "campay")
    assert charge is not None
    assert connection.connection is not None, "it claimed without one"
    held: list[object] = []

    class Adapter:
        def collect(self, request: CollectRequest) -> Accepted:
            held.append(connection.connection)
            return Accepted(transaction_id="")

    monkeypatch.setattr(charging, "get_gateway", lambda name: Adapter())
    charging._ask(charge)

    assert held == [None]


def test_who_waits_for_a_reading_leaves_its_connection_to_whoever_reads() -> None:
    begun, may_end = threading.Event(), threading.Event()
    waiting: list[Callable[[], object]] = []

    def read() -> str:
        begun.set()
        assert may_end.wait(10)
        return "value"

    def wait() -> None:
        connection.ensure_connection()
        mine = connections["default"]
        waiting.append(lambda: mine.connection)
        assert snapshot.get() == "value"

    snapshot = Snapshot(read)
    reader, waiter = threading.Thread(target=snapshot.get), threading.Thread(target=wait)
    reader.start()
    assert begun.wait(5)
    waiter.start()

    assert eventually(lambda: bool(waiting) and waiting[0]() is None, 5, every=0.01)

    may_end.set()
    for thread in (reader, waiter):
        thread.join(5)
