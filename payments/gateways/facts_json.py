"""What a signed event says, as JSON for its row and back. Strict: a shape that we do not know is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from choptym.lib.money import CURRENCIES, Money
from payments.gateways.base import Event, Outcome, RefundOutcome, RefundStatus, Status

Said = TypeVar("Said", Status, RefundStatus)

_LEFT_OUT = frozenset({"exchange", "was_declined", "link"})  # what no event that is believed has
_MONEY = frozenset({"money", "fee", "refunded"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What one event says: of a payment, or of a refund."""

    status: Status | None = None
    refund: RefundStatus | None = None


def dump_facts(event: Event) -> dict[str, Any]:
    """Empty when the event says nothing that may be believed."""
    said = {"status": event.status, "refund": event.refund}
    return {name: _dump(one) for name, one in said.items() if one is not None}


def dump_refund(status: RefundStatus) -> dict[str, Any]:
    """What a gateway said of one refund, by whichever road; load_facts() reads it."""
    return {"refund": _dump(status)}


def load_facts(stored: object) -> Facts:
    """What dump_facts() wrote. Raises ValueError for anything else."""
    record = _record(stored)
    if not record or set(record) - {"status", "refund"}:
        raise ValueError(f"facts of {sorted(record)}")
    return Facts(
        status=_load(Status, Outcome, record["status"]) if "status" in record else None,
        refund=_load(RefundStatus, RefundOutcome, record["refund"]) if "refund" in record else None,
    )


def _dump(said: Status | RefundStatus) -> dict[str, Any]:
    return {field.name: _plain(getattr(said, field.name)) for field in fields(said) if field.name not in _LEFT_OUT}


def _plain(value: object) -> object:
    if isinstance(value, Money):
        return {"amount_minor": value.amount_minor, "currency": value.currency}
    return value.isoformat() if isinstance(value, datetime) else value


def _load(kind: type[Said], outcomes: type[Outcome] | type[RefundOutcome], stored: object) -> Said:
    record = _record(stored)
    known = {field.name for field in fields(kind)} - _LEFT_OUT
    if set(record) - known:
        raise ValueError(f"facts that this release does not know: {sorted(set(record) - known)}")
    values: dict[str, Any] = {name: _value(name, value) for name, value in record.items()}
    try:
        return kind(**{**values, "outcome": outcomes(values["outcome"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"facts that miss something: {error}") from None


def _value(name: str, value: object) -> object:
    if name in _MONEY:
        return None if value is None else _money(value)
    if name == "occurred_at":
        return None if value is None else _instant(value)
    if isinstance(value, bool if name == "is_automatic" else str):
        return value
    raise ValueError(f"{name} is {value!r}"[:200])


def _money(value: object) -> Money:
    record = _record(value)
    amount, currency = record.get("amount_minor"), record.get("currency")
    is_ours = set(record) == {"amount_minor", "currency"} and currency in CURRENCIES
    if is_ours and isinstance(amount, int) and not isinstance(amount, bool):
        return Money(amount, str(currency))
    raise ValueError(f"no amount: {value!r}"[:200])


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    if instant is not None and instant.tzinfo is not None:
        return instant
    raise ValueError(f"no time: {value!r}"[:200])


def _record(value: object) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"no facts: {value!r}"[:200])
