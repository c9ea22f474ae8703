"""Two people who steer the queue at once."""

import time
from functools import partial
from threading import Thread

import pytest
from django.db import connection, transaction

from choptym.audit.models import Act
from payments import in_force
from payments.models import QueueControl, QueueMode
from payments.steering import write
from payments.steering.drain import drain_queue
from payments.steering.stop import stop_queue
from tests.payments.staff import make_staff
from tests.races.track import at_once, slowed


@pytest.mark.usefixtures("silent_gateways")
def test_two_first_orders_at_once_are_one_row_and_each_line_in_the_log_knows_the_one_before() -> None:
    actor_id = make_staff().pk
    acts = [partial(act, "campay", actor_id=actor_id, reason="to see") for act in (stop_queue, drain_queue) * 2]

    with slowed("payments_queuecontrol", "UPDATE"):
        assert [type(done) for done in at_once(*acts)] == [write.Steered] * 4

    assert QueueControl.objects.filter(gateway="campay").count() == 1
    said = [act.details for act in Act.objects.filter(about="queue:campay").order_by("pk")]
    assert [one["before"] for one in said[1:]] == [one["after"] for one in said[:-1]]
    assert len(said) == 4


def test_an_order_of_two_seconds_ago_holds_though_who_reads_the_orders_has_to_wait() -> None:
    """One thread reads, and the database lets it wait; the others must not go on with what held long ago."""
    steered = QueueControl(gateway="razorpay", mode=QueueMode.STOP, reason="to see", changed_by=make_staff())
    in_force.orders.forget()
    assert in_force.mode_of("razorpay") == QueueMode.RUN
    answers: list[QueueMode] = []
    threads = [Thread(target=lambda: answers.append(in_force.mode_of("razorpay"))) for _ in range(4)]

    with transaction.atomic():
        steered.save()
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE payments_queuecontrol")
        time.sleep(1.8)
        for thread in threads:
            thread.start()
        threads[-1].join(0.5)
        assert answers == []
    for thread in threads:
        thread.join()

    steered.delete()
    in_force.orders.forget()
    assert answers == [QueueMode.STOP] * 4
