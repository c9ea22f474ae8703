"""When what a gateway called failed is asked about again: gateways take their no back, and may tell nobody."""

from datetime import datetime, timedelta

from choptym.lib import clock

# So long after its end, for payments and refunds alike (INV-6).
AFTER_FAILURE_SECONDS = (60, 600, 3600, 6 * 3600, 24 * 3600)


def next_look_at(ended_at: datetime) -> datetime | None:
    """The next of these times; None when it was asked about often enough."""
    later = (ended_at + timedelta(seconds=seconds) for seconds in AFTER_FAILURE_SECONDS)
    return next((at for at in later if at > clock.now()), None)
