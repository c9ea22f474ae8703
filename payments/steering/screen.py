"""How a terminal shows the queue: lines of plain text, with bars of signs that every terminal has."""

from collections.abc import Callable, Iterator

from payments.models import QueueMode
from payments.steering.standing import Queue, Standing

BAR_WIDTH = 12
_HEADINGS = ("gateway", "mode", "high", "medium", "normal", "waiting", "under way", "in flight", "a second", "circuit")
_LEFT = {"gateway", "mode", "waiting", "in flight", "circuit"}

Paint = Callable[[str, QueueMode], str]


def bar(part: float, whole: float, width: int = BAR_WIDTH) -> str:
    """Filled in proportion; with anything at all at least one sign, and full only when it is."""
    share = min(1.0, part / whole) if whole > 0 else 0.0
    filled = min(max(int(share * width), 1 if part > 0 else 0), width)
    return f"[{'#' * filled}{'.' * (width - filled)}]"


def lines(queue: Queue, paint: Paint) -> Iterator[str]:
    """`paint` colours a text by the mode that it is about."""
    yield f"{queue.at:%Y-%m-%d %H:%M:%S %Z}, profile {queue.profile}"
    if queue.mode is not QueueMode.RUN:
        yield paint(f"By an order for all: {queue.mode}", queue.mode)
    flight = f"{bar(queue.in_flight, queue.max_concurrent)} {queue.in_flight}/{queue.max_concurrent}"
    yield f"{queue.waiting:,} wait; calls in flight at all gateways {flight}"
    yield ""
    yield from _table(queue, paint)
    yield ""
    for one in queue.gateways:
        if one.mode is not QueueMode.RUN:
            end = f" until {one.until:%Y-%m-%d %H:%M %Z}" if one.until else " until it is resumed"
            yield paint(f"{one.gateway}: {one.mode}{end}: {'; '.join(one.reasons)}", one.mode)
    if not queue.has_redis:
        yield "Redis does not answer: no call is let through, and what is in flight is not known."


def _table(queue: Queue, paint: Paint) -> Iterator[str]:
    longest = max((sum(one.waiting.values()) for one in queue.gateways), default=0)
    rows = [_HEADINGS, *(_cells(one, longest) for one in queue.gateways)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    modes = [None, *(one.mode for one in queue.gateways)]
    for row, mode in zip(rows, modes, strict=True):
        cells = [
            cell.ljust(width) if heading in _LEFT else cell.rjust(width)
            for cell, width, heading in zip(row, widths, _HEADINGS, strict=True)
        ]
        if mode is not None:
            cells[1] = paint(cells[1], mode)
        yield "  ".join(cells).rstrip()


def _cells(one: Standing, longest: int) -> tuple[str, ...]:
    waiting = sum(one.waiting.values())
    return (
        one.gateway,
        one.mode.value,
        *(f"{number:,}" for number in one.waiting.values()),
        f"{bar(waiting, longest)} {waiting:,}",
        f"{one.under_way:,}",
        _flight(one),
        "-" if one.rate_per_second is None else _rate(one),
        _circuit(one),
    )


def _flight(one: Standing) -> str:
    if one.max_concurrent is None:
        return "-"
    known = "?" if one.in_flight is None else str(one.in_flight)
    return f"{bar(one.in_flight or 0, one.max_concurrent)} {known}/{one.max_concurrent}"


def _rate(one: Standing) -> str:
    """With how far ahead the line of calls is booked, when it is."""
    ahead = f" (line {one.line_seconds:.1f} s)" if one.line_seconds else ""
    return f"{one.rate_per_second:g}{ahead}"


def _circuit(one: Standing) -> str:
    if one.max_concurrent is None or one.in_flight is None:
        return "-"
    return ", ".join(f"{who or 'all'} {state}" for who, state in one.circuits.items()) or "closed"
