"""What must be true of a picture: the promises, in words of their own, without the code that keeps them."""

from collections import Counter

from tests.machine.picture import WAITING, Picture, Row
from tests.machine.refund_truths import check_refunds, given_from_sales, given_outside, paid_back
from tests.machine.world import STOCK

OPEN = {"STARTED", "ACCEPTED", "UNKNOWN"}
NOT_THERE = {"NOT_SENT", "REFUSED", "POSTPONED", "ABSENT"}
ITEMS_OF_ORDER = {"PLACED": "RESERVED", "PAID": "SOLD", "CANCELLED": "RELEASED"}
ORDERS_OF_PAYMENT = {
    **{state: {"PLACED"} for state in WAITING},
    "SETTLED": {"PAID", "CANCELLED"},  # cancelled: the money came too late, and lies in the wallet
    "REVIEW": {"PLACED", "CANCELLED"},
    **{state: {"CANCELLED"} for state in ("FAILED", "EXPIRED", "CANCELLED")},
}
KINDS_OF_ENTRIES = {"capture", "sale", "surplus", "given", "out", "given_back", "out_back"}
# What is promised to those who pay when we have given up: how long the gateway is asked all the same.
WATCHED_SECONDS = 48 * 3600
WATCHED_AFTER_FAILURE_SECONDS = 24 * 3600
OUTSIDE = "the gateway gave back"
KIND_OF_END = {"FAILED": "payment_failed", "EXPIRED": "payment_expired", "REVIEW": "payment_under_review"}


def check_always(seen: Picture, late: set[str]) -> None:
    """Between any two steps. `late`: our references of requests that reached the gateway when nobody hoped any more."""
    for payment in seen.payments:
        attempts = seen.attempts_of(payment)
        _check_tries(seen, payment, attempts, late)
        _check_capture(seen, payment, attempts)
        _check_end(seen, payment, attempts)
    for order in seen.orders:
        _check_order(seen, order)
    _check_stock(seen)
    _check_wallets(seen)
    check_refunds(seen)
    wrongly = [reason for reason in seen.set_aside if not reason.startswith(OUTSIDE)]
    assert not wrongly, f"a good payment was set aside: {wrongly}"


def is_watched(payment: Row, attempt: Row) -> bool:
    """Whether money that comes for this try now must be found although no webhook ever tells of it."""
    if payment["state"] in {"SETTLED", "REVIEW"}:
        return False
    if attempt["state"] in OPEN:
        return bool(payment["age"] < WATCHED_SECONDS)
    return bool(attempt["state"] == "NOT_PAID" and payment["ended_for"] < WATCHED_AFTER_FAILURE_SECONDS)


def find_unheard(seen: Picture, unwatched: set[str]) -> list[Row]:
    """What was collected and is not in our books, though all that was due has been done: nobody asks about it.

    That may only be so for tries of which the gateway had said that there is nothing, and for money that came when the
    watch over it had ended.
    """
    missed = []
    for entry in _collected(seen):
        attempt = seen.find_attempt(entry["reference"])
        assert attempt is not None, f"INV-6: nobody here knows of {entry}"
        if attempt["state"] not in {"PAID", "SURPLUS"}:
            may_miss = attempt["state"] in NOT_THERE or entry["reference"] in unwatched
            assert may_miss, f"INV-6: nobody asked about {entry}, our try is {attempt}"
            missed.append(entry)
    return missed


def check_quiet(seen: Picture) -> None:
    """When everything that was due has been done: all has come to an end, and all money has landed."""
    assert not seen.waiting_refunds, f"INV-1: {seen.waiting_refunds} still wait, and nothing is due"
    waiting = [payment for payment in seen.payments if payment["state"] in WAITING]
    assert not waiting, f"INV-1: {waiting} still wait, and nothing is due"
    assert not seen.waiting_events, f"{seen.waiting_events} webhook events still wait"
    in_review = set()
    for entry in _collected(seen):
        attempt = seen.find_attempt(entry["reference"])
        assert attempt is not None, f"INV-6: nobody here knows of {entry}"
        assert attempt["state"] in {"PAID", "SURPLUS"}, f"INV-6: {entry} was collected, our try is {attempt}"
        if attempt["state"] == "PAID" and seen.find_payment(attempt["payment"])["state"] == "REVIEW":
            in_review.add(entry["reference"])
    for user in {str(payment["user"]) for payment in seen.payments}:
        _check_landed(seen, user, in_review)


def _collected(seen: Picture) -> list[Row]:
    return [entry for entry in seen.collections if entry["state"] == "collected"]


def _check_landed(seen: Picture, user: str, in_review: set[str]) -> None:
    """All that the gateways took is in the wallet, was spent on an order that is paid, or went back where it came from.

    Unless a person has to look: more was given back at a gateway than there was to give.
    """
    if seen.set_aside:
        return
    payments = {payment["id"] for payment in seen.payments if str(payment["user"]) == user}
    theirs = {attempt["reference"] for attempt in seen.attempts if attempt["payment"] in payments} - in_review
    taken = sum(entry["amount_minor"] for entry in _collected(seen) if entry["reference"] in theirs)
    spent = sum(order["total"] for order in seen.orders if str(order["user"]) == user and order["state"] == "PAID")
    given = sum(
        entry["amount"] for entry in seen.entries if str(entry["to"]) == user and entry["reason"].startswith("gift:")
    )
    spent -= given_from_sales(seen, payments)
    back = paid_back(seen, theirs)
    left = seen.wallets.get(user, 0)
    assert given + taken - back == left + spent, (
        f"INV-6: {user} had {given}, paid {taken}, got back {back}, spent {spent} and has {left}"
    )


def _check_tries(seen: Picture, payment: Row, attempts: list[Row], late: set[str]) -> None:
    may_charge = [attempt for attempt in attempts if attempt["state"] in OPEN | {"PAID"}]
    assert len(may_charge) <= 1, f"INV-5: two tries may take the money: {may_charge}"
    for attempt in attempts:
        booked = seen.booked(attempt)
        assert len(booked) <= 1, f"INV-2: one try was asked for twice: {booked}"
        is_last = attempt["number"] == len(attempts)
        assert is_last or not booked or attempt["reference"] in late, (
            f"INV-5: the gateway had {booked}, and yet another try was made: {attempts}"
        )
        if attempt["state"] in NOT_THERE:
            is_true = not booked or attempt["reference"] in late
            assert is_true, f"INV-5: we say that {attempt} is not at the gateway, which has {booked}"
    if payment["state"] == "FAILED":
        unknown = [attempt for attempt in attempts if attempt["state"] in OPEN]
        assert not unknown, f"INV-5: called failed, while the gateway has not said so of {unknown}"
    assert payment["attempts_made"] <= 3, f"{payment} was tried too often"


def _check_capture(seen: Picture, payment: Row, attempts: list[Row]) -> None:
    """INV-2: what stands in our books is what the gateway took, once."""
    captured = seen.entry(f"payment:{payment['id']}:capture")
    is_settled = payment["state"] == "SETTLED" and payment["gateway"] != "wallet"
    assert (captured is not None) == is_settled, f"INV-4: {payment} with the entry {captured}"
    paid = [attempt for attempt in attempts if attempt["state"] == "PAID"]
    assert bool(paid) == (is_settled or payment["state"] == "REVIEW"), f"INV-4: {payment} with the tries {attempts}"
    for attempt in attempts:
        if payment["state"] == "REVIEW" and given_outside(seen, attempt):
            continue  # a part went back before we heard of it: how much came, a person has to find out
        taken = [entry["amount_minor"] for entry in seen.booked(attempt) if entry["state"] == "collected"]
        surplus = seen.entry(f"attempt:{attempt['id']}:surplus")
        if attempt["state"] in {"PAID", "SURPLUS"}:
            assert [attempt["collected"]] == taken, f"INV-2: we say {attempt}, the gateway took {taken}"
        assert (attempt["state"] == "SURPLUS") == (surplus is not None), f"INV-2: {attempt} with {surplus}"
        assert surplus is None or [surplus["amount"]] == taken, f"INV-2: {surplus}, the gateway took {taken}"
        if captured is not None and attempt["state"] == "PAID":
            assert [captured["amount"], payment["amount"]] == taken * 2, f"INV-2: {captured}, the gateway took {taken}"
        if payment["state"] == "REVIEW" and attempt["state"] == "PAID":
            assert taken != [payment["amount"]], f"{payment} is under review for nothing"


def _check_end(seen: Picture, payment: Row, attempts: list[Row]) -> None:
    """INV-4: an end is told to the customer, in the same transaction."""
    told = [row["kind"] for row in seen.told if row["about"] == f"payment:{payment['id']}"]
    assert len(told) == len(set(told)), f"{payment} was told twice: {told}"
    if payment["state"] == "SETTLED":
        is_sold = seen.entry(f"payment:{payment['id']}:sale") is not None
        sold = {"payment_settled", "payment_settled_late"}
        kinds = {"wallet_topped_up"} if payment["order"] is None else sold if is_sold else {"wallet_credited"}
        assert len(kinds & set(told)) == 1, f"INV-4: {payment} was told as {told}"
    elif payment["state"] in KIND_OF_END:
        assert KIND_OF_END[payment["state"]] in told, f"INV-4: {payment} was told as {told}"
    else:
        assert not told, f"INV-4: {payment}, but the customer was told {told}"
    for attempt in attempts:
        told = [row["kind"] for row in seen.told if row["about"] == f"attempt:{attempt['id']}"]
        assert len(told) == (attempt["state"] == "SURPLUS"), f"INV-4: {attempt} was told as {told}"


def _check_order(seen: Picture, order: Row) -> None:
    [payment] = [payment for payment in seen.payments if payment["order"] == order["id"]]
    assert order["state"] in ORDERS_OF_PAYMENT[payment["state"]], f"INV-4: {order} with {payment}"
    sale = seen.entry(f"payment:{payment['id']}:sale")
    assert (sale is not None) == (order["state"] == "PAID"), f"INV-4: {order} with the entry {sale}"
    assert sale is None or sale["amount"] == order["total"], f"INV-2: {order} with the entry {sale}"
    items = [item for item in seen.items if item["order"] == order["id"]]
    states = {item["state"] for item in items}
    assert states == {ITEMS_OF_ORDER[order["state"]]}, f"INV-4: {order} with {items}"
    held = {line["product"]: line["quantity"] for line in seen.held if line["order"] == order["id"]}
    bought = {item["product"]: item["quantity"] for item in items}
    assert held == (bought if order["state"] == "PLACED" else {}), f"INV-4: {order} holds {held} of the cart"


def _check_stock(seen: Picture) -> None:
    orders = {order["id"]: order["state"] for order in seen.orders}
    count: Counter[tuple[int, str]] = Counter()
    for item in seen.items:
        count[item["product"], orders[item["order"]]] += item["quantity"]
    for product in seen.products:
        reserved, sold = count[product["id"], "PLACED"], count[product["id"], "PAID"]
        real = {"id": product["id"], "start": STOCK, "reserved": reserved, "sold": sold}
        assert product == {**real, "on_hand": STOCK - reserved - sold}, f"INV-7: {product}, the orders say {real}"
        assert product["on_hand"] >= 0, f"INV-7: {product} is oversold"


def _check_wallets(seen: Picture) -> None:
    for user, balance in seen.wallets.items():
        came = sum(entry["amount"] for entry in seen.entries if str(entry["to"]) == user)
        went = sum(entry["amount"] for entry in seen.entries if str(entry["from"]) == user)
        assert balance == came - went >= 0, f"INV-3: customer {user} has {balance}, the entries say {came - went}"
    kinds = {entry["reason"].rsplit(":", 1)[-1] for entry in seen.entries if not entry["reason"].startswith("gift:")}
    assert kinds <= KINDS_OF_ENTRIES, f"entries of unknown kinds: {kinds}"
