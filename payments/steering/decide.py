"""What the control loop decides: plain values in, plain values out.

Up in steps, down by a share: a rush is met within seconds, and what does harm is taken back at once. A figure that is
None, or a gateway without a cap, means: what the profile or the gateway's own limit says.

    flash sale    begins when the queue has been over 500 for some looks, ends when it has been below half of that for
                  a minute
    for all       calls in flight and batch: above the profile's figure only while the queue is over 500 and never above
                  its ceiling; below it while every gateway that is asked is unwell (one gateway's bad day is its own)
    per gateway   calls in flight: down while it answers 429 or 5xx, not at all, or slowly; up again while it is well
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from payments.profiles import LONG_QUEUE
from payments.throttle.heard import Look

FLASH_SALE_BEGINS_AFTER = timedelta(seconds=6)
FLASH_SALE_ENDS_AFTER = timedelta(seconds=60)
SHORT_QUEUE = LONG_QUEUE // 2

# From the lowest figure to the highest in ten looks: twenty seconds.
STEPS = 10
DOWN_TO = 0.7
LEAST_CONCURRENT, LEAST_BATCH = 2, 10

# How far back a look at a gateway goes, and how many answers say something.
WINDOW_SECONDS = 5
ENOUGH_ANSWERS = 5
ILL_SHARE = 0.2
# Below this the line alone copes: it tries now and then how much a gateway takes.
BUSY_SHARE = 0.3
# Slow: three times its good figure, but no haste is made because of less than half a second.
SLOW_FACTOR, SLOW_AT_LEAST_MS = 3.0, 500.0
# A good figure follows a better day at once, and a worse one by so much a look: after some minutes it is the usual.
GOOD_FALLS_BY, GOOD_RISES_BY = 0.3, 0.01
# A gateway that is as slow with half of what we might ask of it, or less, is not slow because of us: that is how it is
# now. Without this a day on which all gateways answer in two seconds would be one of two calls in flight.
SPARED_SHARE, GOOD_RISES_WHILE_SPARED_BY = 0.5, 0.5
# What a gateway takes although it refuses some stays in flight: rate times latency, and a half for what varies.
ROOM = 1.5


@dataclass(frozen=True, slots=True)
class Seen:
    queue_length: int
    gateways: Mapping[str, Look]


@dataclass(frozen=True, slots=True)
class Range:
    """Of one figure: what the profile says, and how far the loop may go. `is_pinned`: a person decides, not we."""

    usual: int
    most: int
    least: int
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class Sale:
    since: datetime | None = None
    long_since: datetime | None = None
    short_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a gateway is unwell; empty when it is well. `needed` calls in flight are what it takes all the same."""

    why: str = ""
    is_known: bool = False
    needed: int = 0


def next_sale(sale: Sale, queue_length: int, now: datetime) -> Sale:
    if sale.since is None:
        long_since = (sale.long_since or now) if queue_length > LONG_QUEUE else None
        has_begun = long_since is not None and now - long_since >= FLASH_SALE_BEGINS_AFTER
        return Sale(since=now) if has_begun else Sale(long_since=long_since)
    short_since = (sale.short_since or now) if queue_length < SHORT_QUEUE else None
    is_over = short_since is not None and now - short_since >= FLASH_SALE_ENDS_AFTER
    return Sale() if is_over else Sale(since=sale.since, short_since=short_since)


def judge(look: Look, good_ms: float | None) -> Verdict:
    if look.answers < ENOUGH_ANSWERS:
        return Verdict()
    needed = ceil(ROOM * look.taken / WINDOW_SECONDS * look.latency_ms / 1000)
    if look.ill > ILL_SHARE * look.answers:
        return Verdict("it fails", is_known=True)
    if look.busy > BUSY_SHARE * look.answers:
        return Verdict("it says too many", is_known=True, needed=needed)
    if good_ms is not None and look.latency_ms > max(SLOW_FACTOR * good_ms, SLOW_AT_LEAST_MS):
        return Verdict("it is slow", is_known=True)
    return Verdict(is_known=True)


def next_good_latency(good_ms: float | None, look: Look, *, is_spared: bool = False) -> float | None:
    if look.taken < ENOUGH_ANSWERS:
        return good_ms
    if good_ms is None:
        return look.latency_ms
    if look.latency_ms < good_ms:
        return good_ms - GOOD_FALLS_BY * (good_ms - look.latency_ms)
    return min(look.latency_ms, good_ms * (1 + (GOOD_RISES_WHILE_SPARED_BY if is_spared else GOOD_RISES_BY)))


def is_spared(cap: int | None, most: int) -> bool:
    """Whether so little may be in flight there that it is not we who make it slow."""
    return cap is not None and cap <= SPARED_SHARE * most


def next_cap(cap: int | None, most: int, verdict: Verdict) -> int | None:
    """Calls in flight at one gateway; None: its own limit."""
    current = min(cap or most, most)
    if verdict.why:
        return max(min(LEAST_CONCURRENT, most), min(current, verdict.needed), int(current * DOWN_TO))
    higher = current + _step(most)
    return None if higher >= most else higher


def next_for_all(current: int | None, span: Range, queue_length: int, verdicts: Mapping[str, Verdict]) -> int | None:
    """Calls in flight, or a batch, for all together; None: what the profile says."""
    if span.is_pinned:
        return None
    figure = min(current or span.usual, span.most)
    if is_all_unwell(verdicts):
        needed = sum(verdict.needed for verdict in verdicts.values())
        return max(min(span.least, span.most), min(figure, needed), int(figure * DOWN_TO))
    if queue_length > LONG_QUEUE:
        higher = min(span.most, figure + _step(span.most))
        return None if higher == span.usual else higher
    if figure > span.usual:
        lower = figure - _step(span.most)
        return None if lower <= span.usual else lower
    higher = figure + _step(span.usual)
    return None if higher >= span.usual else higher


def is_all_unwell(verdicts: Mapping[str, Verdict]) -> bool:
    """Whether something was asked, and everything that was is unwell."""
    known = [verdict for verdict in verdicts.values() if verdict.is_known]
    return bool(known) and all(verdict.why for verdict in known)


def _step(most: int) -> int:
    return max(1, ceil(most / STEPS))
