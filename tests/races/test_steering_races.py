"""Two people who steer the queue at once."""

from functools import partial

import pytest

from choptym.audit.models import Act
from payments.models import QueueControl
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
