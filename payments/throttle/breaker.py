"""Circuit breakers: one per gateway, and one per operator at it. MTN down is not Orange down.

A circuit opens when more than half of the charges in its window failed, and there were enough of them. Only charges are
counted, and only what they tell about the other side's health: a status query that works would hide a gateway that
takes no payments, and a customer who says no is no sign of illness. It stays open for a while; then one charge is let
through as a probe.

An operator's illness often shows only later, in the gateway's verdict about a charge that it had accepted.
"""

from collections.abc import Iterable
from enum import StrEnum

import structlog
from django.conf import settings
from redis import RedisError

from choptym.lib.errors import Busy, Rejected, Unavailable
from payments.throttle.store import run, text

log = structlog.get_logger(__name__)

# They hit every customer of the gateway: another one serves them better, and repeating them may lock our account.
_OURS_TO_MEND = frozenset({"gateway_credentials", "gateway_disabled"})


class Health(StrEnum):
    """What the end of a charge tells about the gateway."""

    GOOD = "good"
    BAD = "bad"
    NONE = "none"


def health_of(error: Exception | None) -> Health:
    """None: accepted. Busy says nothing: it slows the rate instead."""
    if error is None:
        return Health.GOOD
    if isinstance(error, Busy):
        return Health.NONE
    if isinstance(error, Unavailable):
        return Health.BAD
    if isinstance(error, Rejected):
        return Health.BAD if error.code in _OURS_TO_MEND else Health.GOOD
    return Health.NONE  # a fault of our own


def circuit_limits() -> tuple[float, ...]:
    """As the scripts take them: window, least calls, time open, time for a probe; in milliseconds."""
    return (
        settings.PAYMENT_CIRCUIT_WINDOW_SECONDS * 1000,
        settings.PAYMENT_CIRCUIT_LEAST_CALLS,
        settings.PAYMENT_CIRCUIT_OPEN_SECONDS * 1000,
        settings.PAYMENT_LEASE_SECONDS * 1000,
    )


def note_verdicts(gateway: str, verdicts: Iterable[tuple[str, bool]]) -> None:
    """(operator, whether it worked) of charges that have ended. Without Redis nothing is noted: the next ones count."""
    for operator, is_good in verdicts:
        outcome = Health.GOOD if is_good else Health.BAD
        try:
            changed = run("verdict", gateway, operator, outcome, *circuit_limits())
        except RedisError as error:
            log.warning("a verdict is not counted", gateway=gateway, operator=operator, error=str(error))
            return
        tell_change(gateway, operator, text(changed))


def tell_change(gateway: str, operator: str, change: str) -> None:
    """`change`: "opened", "closed" or nothing."""
    if change:
        log.warning("circuit changed", to=change, gateway=gateway, operator=operator)
