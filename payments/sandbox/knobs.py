"""The knobs that every gateway has, how a change is checked, and overrides for single phone numbers."""

from collections.abc import Callable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from payments.sandbox.phones import CAMEROON, Numbering


class BadKnobError(Exception):
    """A change that cannot be made. Nothing was changed."""

    def __init__(self, code: str, knob: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.knob = knob


def _knob(default: Any, accepts: Callable[[Any], bool], says: str, *, per_call: bool = True) -> Any:
    return field(default=default, metadata={"accepts": accepts, "says": says, "per_call": per_call})


def _is_whole(value: object, minimum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum


def whole(default: int = 0, minimum: int = 0) -> Any:
    return _knob(default, lambda value: _is_whole(value, minimum), f"a whole number of at least {minimum}")


def any_whole(default: int) -> Any:
    return _knob(default, lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number")


def limit(default: int | None = None, *, per_call: bool = True) -> Any:
    """A highest number, or null for none."""
    says = "null or a whole number of at least 1"
    return _knob(default, lambda value: value is None or _is_whole(value, 1), says, per_call=per_call)


def rate(default: float = 0.0) -> Any:
    """A share of the cases, 0 to 1."""

    def accepts(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1

    return _knob(default, accepts, "a number from 0 to 1")


def switch(default: bool = False, *, per_call: bool = True) -> Any:
    return _knob(default, lambda value: isinstance(value, bool), "true or false", per_call=per_call)


def choice(default: str | None, *others: str | None) -> Any:
    options = (default, *others)
    says = "one of " + ", ".join("null" if option is None else f'"{option}"' for option in options)
    # A list or an object would not compare as a choice, and 0 must not pass for false.
    return _knob(default, lambda value: (value is None or isinstance(value, str)) and value in options, says)


def url(default: str | None = None) -> Any:
    def accepts(value: object) -> bool:
        return value is None or (isinstance(value, str) and value.startswith(("http://", "https://")))

    return _knob(default, accepts, "null or an http address", per_call=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What can be turned on any gateway; a dialect adds its own in a subclass. See the package's docstring."""

    # Speed, and what the payer does.
    latency_ms: int = whole()
    latency_jitter_ms: int = whole()
    answer_held_ms: int = whole()
    capacity: int | None = limit(per_call=False)
    approval_delay_ms: int = whole(100)
    approval_jitter_ms: int = whole()
    refusal_rate: float = rate()
    payout_failure_rate: float = rate()
    never_approve_rate: float = rate()
    links_pay_themselves: bool = switch()
    # Calls that go wrong.
    busy_rate: float = rate()
    error_rate: float = rate()
    error_after_capture_rate: float = rate()
    html_error_rate: float = rate()
    status_error_rate: float = rate()
    timeout_rate: float = rate()
    timeout_after_capture_rate: float = rate()
    timeout_hold_ms: int = whole(60_000)
    reset_rate: float = rate()
    outage: bool = switch(per_call=False)
    rate_limit_per_second: int | None = limit(per_call=False)
    retry_after_header: bool = switch(per_call=False)
    operator_down: str | None = choice(None, "mtn", "orange")
    # Money that surprises.
    wrong_amount_rate: float = rate()
    wrong_amount_delta_minor: int = any_whole(-1)
    success_after_expiry_rate: float = rate()
    success_after_failure_rate: float = rate()
    late_success_ms: int = whole(1_000)
    fee_basis_points: int = whole(200)
    payout_fee_basis_points: int = whole(100)
    # Webhooks.
    webhook_url: str | None = url()
    webhooks_enabled: bool = switch(True)
    webhooks_held: bool = switch(per_call=False)
    webhook_lost_rate: float = rate()
    webhook_duplicate_rate: float = rate()
    webhook_late_rate: float = rate()
    webhook_late_ms: int = whole(5_000)
    webhook_reorder_rate: float = rate()
    webhook_before_answer_rate: float = rate()
    webhook_forged_rate: float = rate()
    webhook_unknown_rate: float = rate()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


K = TypeVar("K", bound=Knobs)


def check(kind: type[Knobs], changes: Mapping[str, Any], *, per_call_only: bool = False) -> None:
    """Raise BadKnobError for the first change that is not a known knob with a value it accepts."""
    known: dict[str, Field[Any]] = {knob.name: knob for knob in fields(kind)}
    for name, value in changes.items():
        knob = known.get(name)
        if knob is None:
            raise BadKnobError("unknown_knob", name, f"there is no knob {name}")
        if per_call_only and not knob.metadata["per_call"]:
            raise BadKnobError("not_per_phone", name, f"{name} holds for the whole gateway, not for one phone")
        if not knob.metadata["accepts"](value):
            raise BadKnobError("bad_value", name, f"{name} must be {knob.metadata['says']}")


def changed(knobs: K, changes: Mapping[str, Any]) -> K:
    """The knobs with these changes, all of them or (BadKnobError) none."""
    check(type(knobs), changes)
    return replace(knobs, **changes)


@dataclass(slots=True)
class Override:
    knobs: dict[str, Any]
    times: int | None


class Overrides:
    """Other knobs for the next new transactions of single phones, so that tests can share one sandbox."""

    def __init__(self, kind: type[Knobs], numbering: Numbering = CAMEROON) -> None:
        self._kind = kind
        self._numbering = numbering
        self._by_phone: dict[str, Override] = {}

    def patch(self, changes: object) -> None:
        """Set (object) or drop (null) overrides by phone; other phones keep theirs. Raises BadKnobError."""
        if not isinstance(changes, dict):
            raise BadKnobError("bad_value", "phones", "phones must be an object: phone → override or null")
        parsed = {phone: self._parse(phone, override) for phone, override in changes.items()}
        for phone, override in parsed.items():
            if override is None:
                self._by_phone.pop(phone, None)
            else:
                self._by_phone[phone] = override

    def _parse(self, phone: str, override: object) -> Override | None:
        where = f"phones.{phone}"
        if not self._numbering.is_national(phone):
            raise BadKnobError("bad_value", where, f"a phone is {self._numbering.says}")
        if override is None:
            return None
        if not isinstance(override, dict) or set(override) - {"knobs", "times"}:
            raise BadKnobError("bad_value", where, 'an override is {"knobs": {…}, "times": n or null}')
        knobs, times = override.get("knobs"), override.get("times")
        if not isinstance(knobs, dict):
            raise BadKnobError("bad_value", f"{where}.knobs", "knobs must be an object")
        if times is not None and not _is_whole(times, 1):
            raise BadKnobError("bad_value", f"{where}.times", "times must be null or a whole number of at least 1")
        check(self._kind, knobs, per_call_only=True)
        return Override(knobs, times)

    def take(self, phone: str) -> dict[str, Any]:
        """The override for one new transaction of this phone, counted down; empty when there is none."""
        override = self._by_phone.get(phone)
        if override is None:
            return {}
        if override.times is not None:
            override.times -= 1
            if override.times == 0:
                del self._by_phone[phone]
        return override.knobs

    def as_json(self) -> dict[str, Any]:
        return {phone: {"knobs": override.knobs, "times": override.times} for phone, override in self._by_phone.items()}
