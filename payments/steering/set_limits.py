"""Set limits: a person's numbers in place of the settings and of what the loop thinks, until they are taken back."""

from collections.abc import Mapping

from choptym.lib.errors import Rejected
from payments.models import ALL, WALLET
from payments.steering.write import ALL_WORD, Steered, give_order

MOST_CONCURRENT = 10_000
MOST_PER_SECOND = 10_000
# Column: (its highest value, the code of a bad one, how people call it).
LIMITS = {
    "max_concurrent": (MOST_CONCURRENT, "bad_concurrency", "calls in flight"),
    "rate_per_second": (MOST_PER_SECOND, "bad_rate", "calls per second"),
}


def set_limits(gateway: str, limits: Mapping[str, int | None], *, actor_id: int, reason: str) -> Steered:
    """Set `max_concurrent`, `rate_per_second` or both of a gateway; None goes back to the settings. The mode stays.

    Of all together only `max_concurrent` can be set: each gateway has its own rate.
    Commits: the limits and their line in the audit log.
    Locks:   the row of the order.
    Raises:  Rejected (unknown_gateway, nothing_to_set, no_limits, rate_needs_gateway, bad_concurrency, bad_rate,
             no_reason): nothing has changed.
    """
    if not limits:
        raise Rejected("Say which limit to set.", code="nothing_to_set")
    if gateway == WALLET:
        message = "The wallet asks no gateway, so it has no limits."
        raise Rejected(message, code="no_limits", fields={"gateway": message})
    if gateway in {ALL, ALL_WORD} and limits.get("rate_per_second") is not None:
        message = "Each gateway has its own rate: name one."
        raise Rejected(message, code="rate_needs_gateway", fields={"rate_per_second": message})
    for column, value in limits.items():
        _check(column, value)
    return give_order("set_queue_limits", gateway, limits, actor_id=actor_id, reason=reason)


def _check(column: str, value: int | None) -> None:
    most, code, words = LIMITS[column]
    if value is not None and not 1 <= value <= most:
        message = f"{words.capitalize()}: from 1 to {most:,}."
        raise Rejected(message, code=code, fields={column: message})
