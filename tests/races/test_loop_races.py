"""Two beats, and messages that come twice: the control loop takes one step at a time."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from payments.models import Steering
from payments.steering.loop import steer
from payments.throttle.heard import Heard, Kind
from payments.throttle.slots import give_back_question
from tests.gateways import switched_on
from tests.races.track import at_once, slowed


@pytest.fixture(autouse=True)
def _profiles_on() -> Iterator[None]:
    Steering.objects.all().delete()
    with switched_on(), override_settings(PAYMENT_PROFILES=True):
        yield
    Steering.objects.all().delete()


def test_looks_at_once_take_one_step() -> None:
    give_back_question("fapshi", "nobody", [Heard(Kind.ILL, 0.1)] * 20)

    with slowed("payments_steering", "UPDATE", seconds=0.05):
        decided = at_once(*[steer] * 6)

    assert sorted(decided) == [False] * 5 + [True]
    assert Steering.objects.get().gateway_caps == {"fapshi": 14}
