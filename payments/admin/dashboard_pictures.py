"""Which figures the dashboard shows in which picture, and in which colours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from choptym.lib.charts.picture import Axis, Picture, Series, draw_lines, draw_stack, stack
from choptym.lib.charts.strips import Meaning, Strips, draw_strips
from choptym.lib.charts.units import BYTES, COUNT, RATE, SECONDS, Unit
from payments.models import WALLET, Priority
from payments.samples import CIRCUITS, MODES
from payments.states import PaymentState
from payments.throttle.figures import CLOSED, HALF_OPEN, OPEN, OPERATORS
from payments.trends import History

# Colours with a meaning are those of choptym/lib/tones.py; "hue-…" tells things of a kind from each other.
_OUTCOMES = (
    (PaymentState.SETTLED, "good"),
    (PaymentState.FAILED, "bad"),
    (PaymentState.REVIEW, "warning"),
    (PaymentState.EXPIRED, "quiet"),
    (PaymentState.CANCELLED, "faint"),
)
_PRIORITIES = ((Priority.HIGH, "hue-deep"), (Priority.MEDIUM, "hue-middle"), (Priority.NORMAL, "hue-light"))
_HUES = 7
_CIRCUITS = {
    CIRCUITS[CLOSED]: Meaning("closed", "good", is_usual=True),
    CIRCUITS[HALF_OPEN]: Meaning("on trial", "warning"),
    CIRCUITS[OPEN]: Meaning("open", "bad"),
}
_MODES = {
    value: Meaning({"RUN": "runs", "DRAIN": "drains", "STOP": "stopped"}[mode], tone, is_usual=not value)
    for (mode, value), tone in zip(MODES.items(), ("good", "warning", "bad"), strict=True)
}


@dataclass(frozen=True, slots=True)
class Section:
    """Pictures that belong together. Small ones are the same picture once more for each gateway."""

    title: str
    pictures: Sequence[Picture] = ()
    small: Sequence[Picture] = ()
    strips: Sequence[Strips] = ()


def draw(history: History) -> list[Section]:
    """Every picture of the page."""
    axis = Axis(history.starts, history.range.step_seconds, history.known)
    return [
        _ended(history, axis),
        Section("Queue", [_queue(history, axis), _messages(history, axis)]),
        Section("Times", list(_times(history, axis))),
        _gateways(history, axis),
        Section("Servers", list(_servers(history, axis))),
    ]


def _names() -> tuple[str, ...]:
    return (*settings.GATEWAYS, WALLET)


def hue_of(name: str) -> str:
    """A gateway has the same colour in every picture."""
    names = _names()
    return f"hue-{names.index(name) % _HUES}" if name in names else "quiet"


def _ended(history: History, axis: Axis) -> Section:
    whole = draw_stack(
        "Payments a minute", axis, _outcomes(history, _seen(history)), RATE, note="by how they ended", is_wide=True
    )
    each = {name: _outcomes(history, [name]) for name in _seen(history)}
    top = max((_highest(series) for series in each.values()), default=0)
    small = [draw_stack(name, axis, series, RATE, note="a minute", top=top) for name, series in each.items()]
    return Section("Payments", [whole], small if len(small) > 1 else ())


def _seen(history: History) -> list[str]:
    """Those of which a payment ended, in the order of the settings; then those that are switched off by now."""
    seen = dict.fromkeys(name.split(":")[1] for name in history.names("ended:"))
    return [name for name in _names() if name in seen] + [name for name in seen if name not in _names()]


def _outcomes(history: History, gateways: Iterable[str]) -> list[Series]:
    found = []
    for state, tone in _OUTCOMES:
        names = [f"ended:{gateway}:{state}" for gateway in gateways]
        if state in {PaymentState.SETTLED, PaymentState.FAILED} or history.has_any(*names):
            found.append(Series(state.label, tone, history.per_minute(*names)))
    return found


def _highest(series: Sequence[Series]) -> float:
    edges = stack([one.values for one in series])
    return max((value for value in edges[-1] if value is not None), default=0) if edges else 0


def _queue(history: History, axis: Axis) -> Picture:
    series = [
        Series(priority.label, tone, history.highest(*(f"queued:{name}:{priority}" for name in _names())))
        for priority, tone in _PRIORITIES
    ]
    return draw_stack("Payments that wait for their turn", axis, series, COUNT, note="by priority")


def _messages(history: History, axis: Axis) -> Picture:
    series = [
        Series(queue, f"hue-{number % _HUES}", history.highest(f"messages:{queue}"))
        for number, queue in enumerate(settings.QUEUES)
    ]
    return draw_stack("Messages in Redis", axis, series, COUNT, note="by queue")


def _times(history: History, axis: Axis) -> Iterator[Picture]:
    for title, note, name in (
        ("Wait for a turn", "from checkout to the gateway", "wait"),
        ("The gateway's call", "until it has accepted", "processing"),
    ):
        series = [
            Series("half of them within", "busy", history.measured(f"{name}:p50")),
            Series("95 % within", "warning", history.measured(f"{name}:p95")),
        ]
        yield draw_lines(title, axis, series, SECONDS, note=note)
    called = [name for name in settings.GATEWAYS if history.has_any(f"processing:{name}:p95")]
    if len(called) > 1:
        series = [Series(name, hue_of(name), history.measured(f"processing:{name}:p95")) for name in called]
        yield draw_lines("The gateway's call, by gateway", axis, series, SECONDS, note="95 % within")
    lines = [Series(name, hue_of(name), history.highest(f"line:{name}")) for name in settings.GATEWAYS]
    if lines:
        yield draw_lines("Line before the rate limit", axis, lines, SECONDS, note="how far ahead calls are booked")


def _gateways(history: History, axis: Axis) -> Section:
    strips = [draw_strips("Circuits", axis, _circuits(history), _CIRCUITS, note="a gateway is left alone while open")]
    strips.append(draw_strips("Orders of staff", axis, _modes(history), _MODES, note="what the queue is told to do"))
    small = [_in_flight(history, axis, name) for name in settings.GATEWAYS]
    return Section("Gateways", strips=[one for one in strips if one.strips], small=small)


def _circuits(history: History) -> Mapping[str, Sequence[float | None]]:
    """A strip for each gateway; for one operator at it, when that circuit was not closed all the time."""
    found: dict[str, Sequence[float | None]] = {}
    for gateway in settings.GATEWAYS:
        found[gateway] = history.highest(f"circuit:{gateway}")
        for operator in OPERATORS:
            name = f"circuit:{gateway}:{operator}"
            if history.has_any(name):
                found[f"{gateway}, {operator}"] = history.highest(name)
    return found


def _modes(history: History) -> Mapping[str, Sequence[float | None]]:
    """A strip for each that did not run all the time."""
    return {name: history.highest(f"mode:{name}") for name in _names() if history.has_any(f"mode:{name}")}


def _in_flight(history: History, axis: Axis, name: str) -> Picture:
    return draw_stack(
        name,
        axis,
        [
            Series("charges", hue_of(name), history.highest(f"in_flight:{name}:charge")),
            Series("questions", "faint", history.highest(f"in_flight:{name}:question")),
            Series("limit", "limit", history.highest(f"limit:{name}"), is_limit=True),
        ],
        COUNT,
        note="calls in flight",
    )


def _servers(history: History, axis: Axis) -> Iterator[Picture]:
    yield _used(history, axis, "Database connections", "connections", "busy", COUNT)
    yield _used(history, axis, "Memory of Redis", "memory", "hue-2", BYTES)


def _used(history: History, axis: Axis, title: str, name: str, tone: str, unit: Unit) -> Picture:
    """What is used, under the most that there is; Redis may have no limit."""
    series = [Series("used", tone, history.highest(f"{name}:used"))]
    if history.has_any(f"{name}:max"):
        most = tuple(value or None for value in history.highest(f"{name}:max"))
        series.append(Series("limit", "limit", most, is_limit=True))
    return draw_stack(title, axis, series, unit)
