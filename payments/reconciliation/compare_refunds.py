"""Money that went out: the gateway's lines held against our refunds."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from payments.gateways.base import Line, Outcome, Status
from payments.models import BreakKind
from payments.reconciliation.facts import Back, Comparison, Found, Reading, Try
from payments.states import OPEN_ATTEMPTS, WAITING_REFUNDS, AttemptState, RefundState

_BOOKED = (AttemptState.PAID, AttemptState.SURPLUS)


def compare_refunds(
    reading: Reading, refunds: Iterable[Back], collections: Mapping[str, Try], result: Comparison
) -> None:
    """`collections` has our tries by whatever the gateway may name one by, a refund of its own included.

    A line without a refund of ours is of a payment that was refunded at the gateway itself, or a payout.
    """
    names = _by_name(refunds)
    returned = _returned(reading)
    seen: set[int] = set()
    lines = [*((line, True) for line in reading.lines), *((line, False) for line in reading.around)]
    for line, is_of_day in lines:
        if line.is_collection:
            continue
        status = line.status
        ours = _named(status, names)
        result.listed |= {status.transaction_id, status.reference} - {""}
        seen |= {ours.refund_id} if ours else set()
        if is_of_day:
            result.lines += 1
            result.judged |= {status.transaction_id, status.reference} - {""}
            if status.gateway_payment_id not in returned:
                _judge(line, ours, collections, result)
    if reading.is_complete:
        _missing_there(reading, [one for one in refunds if one.refund_id not in seen], result)


def _by_name(refunds: Iterable[Back]) -> dict[str, Back]:
    """By our reference and by the gateway's id. Those that live last: one that failed and was given after all has a
    second row, under the same id, which is the one that counts."""
    names: dict[str, Back] = {}
    for one in sorted(refunds, key=lambda one: one.state != RefundState.FAILED):
        names |= {one.reference: one, one.gateway_refund_id: one}
    names.pop("", None)
    return names


def _named(status: Status, names: Mapping[str, Back]) -> Back | None:
    """As find_refund() does: our reference first, but a row that lives before one that FAILED."""
    by_reference, by_id = names.get(status.reference), names.get(status.transaction_id)
    if by_reference is not None and by_reference.state != RefundState.FAILED:
        return by_reference
    return by_id if by_id is not None and by_id.state != RefundState.FAILED else by_reference or by_id


def _returned(reading: Reading) -> set[str]:
    """Payments that the gateway gave back by itself: that money never was ours."""
    never = [line.status for line in reading.everything if line.is_collection]
    return {status.gateway_payment_id for status in never if status.outcome is Outcome.NOT_PAID} - {""}


def _judge(line: Line, ours: Back | None, collections: Mapping[str, Try], result: Comparison) -> None:
    status = line.status
    found = _unknown(line, collections, result) if ours is None else _known(status, ours, result)
    if found is not None:
        result.breaks.append(found)


def _unknown(line: Line, collections: Mapping[str, Try], result: Comparison) -> Found | None:
    status = line.status
    if status.outcome is Outcome.NOT_PAID:
        return None
    given_back = collections.get(status.gateway_payment_id) or collections.get(status.transaction_id)
    if given_back is None:
        return _found(status, None, "no refund of ours")
    if given_back.gateway_payment_id and status.gateway_payment_id not in {"", given_back.gateway_payment_id}:
        return None  # the other payment of a transaction that was paid twice: it never was ours
    if given_back.state in _BOOKED:
        result.strange_refunds.append((line, given_back))
    else:  # first the money that it gives back
        tries = result.open_tries if given_back.state in OPEN_ATTEMPTS else result.ended_tries
        tries.setdefault(given_back.attempt_id, given_back.transaction_id)
    found = _found(status, None, "begun at the gateway")
    return replace(found, attempt_id=given_back.attempt_id, our_word=given_back.payment_state)


def _known(status: Status, ours: Back, result: Comparison) -> Found | None:
    if ours.state in WAITING_REFUNDS:
        if status.outcome in {Outcome.PAID, Outcome.NOT_PAID}:
            result.open_refunds.add(ours.refund_id)  # it has ended: ask for it now
        return None
    is_done, is_ours_done = status.outcome is Outcome.PAID, ours.state == RefundState.REFUNDED
    is_undecided = status.outcome in {Outcome.WAITING, Outcome.UNMAPPED}
    if is_done and ours.state == RefundState.FAILED:
        result.open_refunds.add(ours.refund_id)  # given after all, it seems: the gateway's own record decides
    if is_done != is_ours_done and not (is_undecided and is_ours_done):
        return None if is_undecided else _found(status, ours, "another end")
    if is_done and status.money != ours.money:
        return _found(status, ours, "another amount")
    return None


def _missing_there(reading: Reading, refunds: Iterable[Back], result: Comparison) -> None:
    for ours in refunds:
        is_of_day = ours.requested_at is not None and ours.requested_at.date() == reading.day
        if is_of_day and ours.state == RefundState.REFUNDED:
            result.lines += 1
            result.judged.add(ours.reference)
            result.breaks.append(_found(None, ours, "the gateway's list does not have it"))


def _found(status: Status | None, ours: Back | None, note: str) -> Found:
    return Found(
        kind=BreakKind.REFUND,
        transaction_id=status.transaction_id if status else ours.gateway_refund_id if ours else "",
        reference=ours.reference if ours else status.reference if status else "",
        attempt_id=ours.attempt_id if ours else None,
        refund_id=ours.refund_id if ours else None,
        ours=ours.money if ours else None,
        our_word=ours.state if ours else "",
        theirs=status.money if status else None,
        their_word=status.word if status else "",
        note=note,
    )
