"""Finding what was forgotten: rows whose message was lost, or whose worker died.

Every sweep is a look at a partial index of waiting rows, so it costs the same with a million payments behind it.
"""

from collections.abc import Iterator
from datetime import timedelta
from math import ceil

from django.conf import settings
from django.utils import timezone

from choptym.lib.jobs import queue_lengths
from payments import in_force
from payments.locks import claim_unpublished
from payments.models import WALLET

SWEEP_BATCH = 500
# A crowd that waits for one gateway stays in its rows: of each priority so many of its seconds are told of at a time,
# the oldest first. More would only be turned away, and be in the way of others.
SECONDS_AHEAD = 2
# A queue that is empty while rows wait for it has lost their messages. One that is not empty is being worked on:
# its rows are told of again only after a while, or a rush would fill Redis with repetitions.
LOST_AFTER = timedelta(seconds=1)
LOST_IN_A_FULL_QUEUE_AFTER = timedelta(seconds=60)


def forgotten_charges() -> Iterator[tuple[int, str, str]]:
    """(payment, gateway, queue) of due payments that no message speaks of, most urgent first; each marked as told."""
    lengths = queue_lengths()
    if lengths is None:
        return
    limits = _limits()
    for priority, queue in settings.QUEUE_OF_PRIORITY.items():
        grace = LOST_IN_A_FULL_QUEUE_AFTER if lengths[queue] else LOST_AFTER
        told_before = timezone.now() - grace
        for payment_id, gateway in sorted(claim_unpublished(priority=priority, told_before=told_before, limits=limits)):
            yield payment_id, gateway, queue


def _limits() -> dict[str, int]:
    """How many payments of each gateway, and of the wallet, may be told of at a time; of all others by the name ""."""
    paced = {
        name: min(SWEEP_BATCH, ceil(SECONDS_AHEAD * in_force.limits_of(name).per_second)) for name in settings.GATEWAYS
    }
    # None of those that are held back by order: they stay due, and are told of as soon as they may go on.
    return {
        name: most if in_force.may_send(name) else 0
        for name, most in {**paced, WALLET: SWEEP_BATCH, "": SWEEP_BATCH}.items()
    }
