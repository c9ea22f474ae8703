"""Both sides of one day, held against each other. No database, no network: the same lists give the same breaks.

A line is judged on the day on which the gateway lists it; the neighbours' lines only answer for ours that the day
itself does not list. Several lines of one transaction (tries of its payer) speak together: paid before waiting before
not paid, as everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from payments.gateways.base import Line, Outcome, Status
from payments.models import BreakKind
from payments.reconciliation.compare_fees import compare_fees
from payments.reconciliation.compare_refunds import compare_refunds
from payments.reconciliation.facts import Comparison, Found, Ours, Reading, Try
from payments.states import OPEN_ATTEMPTS, AttemptState, PaymentState

# A list may be behind what the gateway itself says of a payment.
LISTS_LAG = timedelta(minutes=10)
_TOOK = (AttemptState.PAID, AttemptState.SURPLUS)
_ORDER = (Outcome.PAID, Outcome.UNMAPPED, Outcome.WAITING, Outcome.NOT_PAID)


@dataclass(slots=True)
class Group:
    """Everything that the lists say of one transaction, and the try of ours that it belongs to."""

    best: Status
    is_of_day: bool
    ours: Try | None = None
    ids: set[str] = field(default_factory=set)  # of the money itself, for the settlements
    refunded_minor: int = 0
    paid: set[str] = field(default_factory=set)  # the ids of all money that came by it


def compare(reading: Reading, ours: Ours) -> Comparison:
    result = Comparison()
    groups = _groups(reading, ours.tries)
    for group in groups:
        result.listed |= names_of(group.best) | _names_of_try(group.ours)
        if group.is_of_day:
            result.lines += 1
            _judge(group, reading, result)
    if reading.is_complete:
        _missing_there(reading, ours.tries, result)
    by_name = {name: group.ours for group in groups if group.ours is not None for name in group.ids}
    by_money = {one.gateway_payment_id: one for one in ours.tries if one.gateway_payment_id}
    compare_refunds(reading, ours.refunds, by_name | by_money | _given_back(reading, ours.tries), result)
    _went_back(groups, reading, result)
    _paid_again(groups, reading, result)
    compare_fees(reading, ours, by_name, result)
    # A break about a fee may be of a payment of another day, which is no line of this one.
    broken = {one.reference or one.transaction_id for one in result.breaks} & result.judged
    result.matched = result.lines - len(broken)
    return result


def _given_back(reading: Reading, tries: Iterable[Try]) -> dict[str, Try]:
    """The try that a refund gives back, as the settlements tell: it may be of a payment of long ago."""
    by_transaction = {one.transaction_id: one for one in tries if one.transaction_id}
    refunds = (line for line in reading.settled if line.kind == "refund" and line.gateway_id)
    known = (line for line in refunds if line.transaction_id in by_transaction)
    return {line.gateway_id: by_transaction[line.transaction_id] for line in known}


def names_of(status: Status) -> set[str]:
    return {status.transaction_id, status.reference} - {""}


def _names_of_try(ours: Try | None) -> set[str]:
    return {ours.reference, ours.transaction_id} - {""} if ours else set()


def strangers(reading: Reading, ours: Ours) -> list[str]:
    """Collected transactions of the day that name nothing of ours."""
    known = [group for group in _groups(reading, ours.tries) if group.is_of_day and group.ours is None]
    return [group.best.transaction_id for group in known if group.best.outcome is Outcome.PAID]


def _groups(reading: Reading, tries: Iterable[Try]) -> list[Group]:
    found: dict[object, Group] = {}
    by_reference = {one.reference: one for one in tries}
    by_transaction = {one.transaction_id: one for one in tries if one.transaction_id}
    for is_of_day, lines in ((True, reading.lines), (False, reading.around)):
        for line in lines:
            if not line.is_collection:
                continue
            status = line.status
            named = reading.references.get(status.transaction_id, status.reference)
            ours = by_reference.get(named) or by_transaction.get(status.transaction_id)
            key = ours.attempt_id if ours else status.transaction_id or status.reference
            _add(found, key, Group(status, is_of_day, ours, names_of(status) | _names_of_try(ours)))
    return list(found.values())


def _add(found: dict[object, Group], key: object, group: Group) -> None:
    """The line that counts says which day the transaction is judged on."""
    group.ids |= {group.best.gateway_payment_id} - {""}
    group.refunded_minor = group.best.refunded.amount_minor if group.best.refunded else 0
    group.paid = ({group.best.gateway_payment_id} - {""}) if group.best.outcome is Outcome.PAID else set()
    before = found.setdefault(key, group)
    if before is group:
        return
    before.ids |= group.ids
    before.paid |= group.paid
    before.refunded_minor = max(before.refunded_minor, group.refunded_minor)
    if _ORDER.index(group.best.outcome) < _ORDER.index(before.best.outcome):
        before.best, before.is_of_day = group.best, group.is_of_day


def _judge(group: Group, reading: Reading, result: Comparison) -> None:
    status, ours = group.best, group.ours
    result.judged |= names_of(status) | _names_of_try(ours)
    if ours is None:
        found = _unknown(status)
    elif status.outcome is Outcome.PAID:
        found = _they_have_it(status, ours, result)
    else:
        found = _they_have_it_not(status, ours, reading, result)
    if found is not None:
        result.breaks.append(found)


def _unknown(status: Status) -> Found | None:
    """What was not paid and is not ours needs nobody."""
    if status.outcome in {Outcome.WAITING, Outcome.NOT_PAID}:
        return None
    return _found(BreakKind.MISSING_HERE, status, None, note=status.problem)


def _they_have_it(status: Status, ours: Try, result: Comparison) -> Found | None:
    if ours.state not in _TOOK:
        return _not_booked(status, ours, result)
    if ours.booked is None and ours.payment_state not in {PaymentState.SETTLED, PaymentState.REVIEW}:
        # Decided by a person after a review: the money is to go back.
        is_given_back = status.money is not None and ours.refunded_minor >= status.money.amount_minor
        note = "the payment ended without it, and no refund of it is on its way"
        return None if is_given_back else _found(BreakKind.STATE, status, ours, note=note)
    if status.money != (ours.booked or ours.asked):
        return _found(BreakKind.AMOUNT, status, ours, note=status.problem)
    return None


def _not_booked(status: Status, ours: Try, result: Comparison) -> Found:
    note = "set aside: replay its dead letter" if ours.is_set_aside else "queued for confirmation"
    if ours.state not in OPEN_ATTEMPTS:
        # Also what was set aside: perhaps only this list tells of it, so that no replay would find it.
        result.ended_tries[ours.attempt_id] = status.transaction_id
    elif not ours.is_set_aside:
        result.open_tries[ours.attempt_id] = status.transaction_id
    return _found(BreakKind.MISSING_HERE, status, ours, note=note)


def _they_have_it_not(status: Status, ours: Try, reading: Reading, result: Comparison) -> Found | None:
    if ours.state in OPEN_ATTEMPTS and status.outcome is Outcome.NOT_PAID:
        result.open_tries[ours.attempt_id] = status.transaction_id  # no break: we have only not heard of it yet
    if ours.state not in _TOOK or not _is_old(ours, reading):
        return None
    return _found(BreakKind.STATE, status, ours, note=status.reason)


def _missing_there(reading: Reading, tries: Iterable[Try], result: Comparison) -> None:
    for ours in tries:
        is_named = bool(_names_of_try(ours) & result.listed)
        is_of_day = ours.started_at.date() == reading.day
        if is_of_day and not is_named and ours.state in _TOOK and _is_old(ours, reading):
            result.lines += 1
            result.judged |= _names_of_try(ours)
            result.breaks.append(_found(BreakKind.MISSING_THERE, None, ours))


def _is_old(ours: Try, reading: Reading) -> bool:
    return (ours.ended_at or ours.started_at) < reading.read_at - LISTS_LAG


def _went_back(groups: Iterable[Group], reading: Reading, result: Comparison) -> None:
    """A collection of which more went back than we gave, by a refund that no list shows."""
    shown = _payments_of([line for line in reading.everything if not line.is_collection])
    for group in groups:
        ours = group.ours
        if not group.is_of_day or ours is None or group.ids & shown.keys():
            continue
        if group.refunded_minor > ours.refunded_minor:
            back = group.best.refunded
            found = _found(BreakKind.REFUND, group.best, ours, note=f"{back} went back to the payer")
            result.breaks.append(found)


def _paid_again(groups: Iterable[Group], reading: Reading, result: Comparison) -> None:
    """A transaction that was paid more than once, and not given back but for one: only one payment is booked."""
    returned = {line.status.gateway_payment_id for line in reading.everything if _says_returned(line)}
    for group in groups:
        ours = group.ours
        if not group.is_of_day or ours is None or ours.state not in _TOOK:
            continue
        given = {ours.gateway_payment_id} if ours.refunded_minor else set()  # by us: our books say so
        if len(group.paid - (returned - given)) > 1:
            note = f"paid more than once: {', '.join(sorted(group.paid))}"
            result.breaks.append(_found(BreakKind.MISSING_HERE, group.best, ours, note=note))


def _says_returned(line: Line) -> bool:
    """That the money that it names went back: as a refund of it, or because all of it did."""
    if not line.is_collection:
        return line.status.outcome is not Outcome.NOT_PAID
    return line.status.refunded is not None and line.status.refunded == line.status.money


def _payments_of(lines: Iterable[Line]) -> Mapping[str, Line]:
    return {line.status.gateway_payment_id: line for line in lines if line.status.gateway_payment_id}


def _found(kind: BreakKind, status: Status | None, ours: Try | None, *, note: str = "") -> Found:
    return Found(
        kind=kind,
        transaction_id=status.transaction_id if status else ours.transaction_id if ours else "",
        reference=ours.reference if ours else status.reference if status else "",
        attempt_id=ours.attempt_id if ours else None,
        ours=(ours.booked or ours.asked) if ours else None,
        our_word=ours.payment_state if ours else "",
        theirs=status.money if status else None,
        their_word=status.word if status else "",
        note=note,
    )
