"""Finding what was forgotten: for which gateways the sweepers ring."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from choptym.lib.jobs import redis
from payments.selectors import gateways_to_ask, gateways_with_events
from payments.states import EventState
from payments.tasks import sweep_events
from tests.factories import make_event, make_pending

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_queues() -> Iterator[None]:
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))
    yield
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))


def test_tells_which_gateways_are_due(silent_gateways: None) -> None:
    make_pending(gateway="campay")
    make_pending(next_check_at=timezone.now() + timedelta(seconds=30))
    make_pending(gateway="razorpay")
    make_pending(gateway="stripe")  # not switched on

    assert gateways_to_ask() == ["campay", "razorpay"]


def test_tells_of_which_gateways_an_event_waits(silent_gateways: None) -> None:
    make_event(next_look_at=timezone.now() + timedelta(seconds=30))
    make_event(next_look_at=None)
    sweep_events()
    assert gateways_with_events(EventState.NEW) == []
    assert redis().llen(settings.KEY_PREFIX + "webhooks") == 0

    make_event(gateway="campay")
    sweep_events()

    assert gateways_with_events(EventState.NEW) == ["campay"]
    assert gateways_with_events(EventState.PARKED) == []
    assert redis().llen(settings.KEY_PREFIX + "webhooks") == 1
