"""What the verbs of steering have in common: which gateways there are, the row, the line in the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import Rejected
from payments import in_force
from payments.models import ALL, WALLET, QueueControl, QueueMode
from payments.steering.locks import lock_control

log = structlog.get_logger(__name__)

# How people write ALL.
ALL_WORD = "all"
# Whoever means longer can say so without an end.
LONGEST = timedelta(days=366)
_DONE = {QueueMode.STOP: "stopped", QueueMode.DRAIN: "being drained", QueueMode.RUN: "running"}


@dataclass(frozen=True, slots=True)
class Steered:
    """What was ordered, and what holds now. `note`: what else is in the way of it, in words; else empty."""

    control: QueueControl
    mode: QueueMode
    note: str


def names() -> tuple[str, ...]:
    """Everything that can be steered by itself."""
    return (*settings.GATEWAYS, WALLET)


def name_of(gateway: str) -> str:
    return gateway or ALL_WORD


def give_order(
    verb: str, gateway: str, changes: Mapping[str, object], *, actor_id: int, reason: str, until: datetime | None = None
) -> Steered:
    """Write these columns of the gateway's row (ALL: of all), and who did it and why.

    Commits: the row and the line in the audit log together.
    Locks:   the row.
    Raises:  Rejected (unknown_gateway, bad_until, no_reason): nothing has changed.
    """
    gateway = ALL if gateway == ALL_WORD else gateway
    _check(gateway, until)
    with transaction.atomic(durable=True):
        control = lock_control(gateway, actor_id=actor_id)
        before = _said(control)
        if changes.get("mode", control.mode) != control.mode:
            control.mode_since = clock.now()
        for column, value in changes.items():
            setattr(control, column, value)
        details = {"before": before, "after": _said(control)}
        about = f"queue:{name_of(gateway)}"
        act = record_act(actor_id=actor_id, verb=verb, about=about, reason=reason, details=details)
        # While it is held, the row says who holds it and why; whatever else is changed stands in the audit log.
        if "mode" in changes or control.mode == QueueMode.RUN:
            control.reason, control.changed_by_id = act.reason, actor_id
        control.changed_at = clock.now()
        control.save()
    # Here at once; every other process reads again within a second (see payments/in_force.py).
    in_force.orders.forget()
    log.warning("the queue was steered", verb=verb, gateway=name_of(gateway), reason=act.reason, actor=actor_id)
    return Steered(control, in_force.mode_of(gateway), " ".join(filter(None, (_note(control), _warning(control)))))


def _check(gateway: str, until: datetime | None) -> None:
    if gateway != ALL and gateway not in names():
        message = f"There is no gateway {gateway!r} here; there are {', '.join(names())}, and {ALL_WORD}."
        raise Rejected(message, code="unknown_gateway", fields={"gateway": message})
    if until is None:
        return
    if timezone.is_naive(until):
        message = "The end must be a time with its zone."
    elif until <= clock.now():
        message = f"The end must be in the future: here it is {timezone.localtime(clock.now()):%Y-%m-%d %H:%M %Z}."
    elif until > clock.now() + LONGEST:
        message = "The end must be within a year."
    else:
        message = ""
    if message:
        raise Rejected(message, code="bad_until", fields={"until": message})


def _said(control: QueueControl) -> dict[str, object]:
    """As the audit log keeps it."""
    return {
        "mode": str(control.mode),
        "until": control.until.isoformat() if control.until else None,
        "max_concurrent": control.max_concurrent,
        "rate_per_second": control.rate_per_second,
    }


def _warning(control: QueueControl) -> str:
    """Who holds the queue for long must hear what becomes of those that wait, of which some began to wait before."""
    seconds = settings.PAYMENT_EXPIRES_AFTER_SECONDS
    short = clock.now() + timedelta(seconds=seconds) / 2
    if control.mode == QueueMode.RUN or (control.until is not None and control.until <= short):
        return ""
    longest = f"{seconds} s" if seconds < 60 else f"{seconds / 60:g} min"
    return f"Payments that wait longer than {longest} expire."


def _note(control: QueueControl) -> str:
    """Who resumes one thing must hear what is still in its way: another order is not lifted by it."""
    if control.gateway == ALL:
        held = [(name, in_force.mode_of(name)) for name in names()]
        still = [f"{name} is still {_DONE[mode]}" for name, mode in held if mode != in_force.mode_of(ALL)]
        return f"By orders of their own: {', '.join(still)}." if still else ""
    mode = in_force.mode_of(control.gateway)
    if mode == control.mode:
        return ""
    until = in_force.held_until(ALL)
    end = f" until {timezone.localtime(until):%Y-%m-%d %H:%M %Z}" if until else ""
    return f"{control.gateway} is still {_DONE[mode]}, because all gateways are{end}: resume all as well."
