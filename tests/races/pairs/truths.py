"""What must be true of one payment after a race, in words of its own, without the code that keeps it."""

from collections.abc import Iterator

from tests.machine.picture import WAITING, Picture, Row
from tests.machine.truths import ITEMS_OF_ORDER, ORDERS_OF_PAYMENT
from tests.races.pairs.case import STOCK, Case

MAY_CHARGE = {"STARTED", "ACCEPTED", "UNKNOWN", "PAID"}
# The one try that may take the money, by the state of its payment.
_OPEN_TRIES: dict[str, set[str]] = {"QUEUED": set(), "REQUESTED": {"STARTED", "UNKNOWN"}, "PENDING": {"ACCEPTED"}}
CLOSED = {
    "FAILED": {"payment_failed", "payment_not_collected"},
    "EXPIRED": {"payment_expired"},
    "REVIEW": {"payment_under_review"},
}
SETTLED = {
    *("payment_settled", "payment_settled_late", "wallet_credited", "payment_accepted", "payment_credited"),
    *("payment_returned", "wallet_topped_up"),
}
_ENDS = {"REVIEW": "review", "FAILED": "failed", "EXPIRED": "expired", "CANCELLED": "cancelled"}


def end_of(seen: Picture) -> str:
    """In the words of ends.py."""
    if not seen.payments:
        return "nothing"
    [payment] = seen.payments
    if payment["state"] == "SETTLED":
        return "order" if [order["state"] for order in seen.orders] == ["PAID"] else "wallet"
    return _ENDS.get(payment["state"], "waits")


def wrong_at_any_time(case: Case, seen: Picture) -> Iterator[str]:
    """Between any two transactions."""
    if len(seen.payments) != 1:
        yield f"INV-2: {len(seen.payments)} payments"
        return
    [payment] = seen.payments
    yield from _wrong_tries(seen, payment)
    yield from _wrong_capture(seen, payment)
    yield from _wrong_messages(seen, payment)
    yield from _wrong_order(seen, payment)
    yield from _wrong_wallet(seen)
    if len(seen.set_aside) > case.dead_letters:
        yield f"a good payment was set aside: {seen.set_aside}"


def wrong_in_the_end(seen: Picture) -> Iterator[str]:
    """When all that was due has been done: what the gateway took is what we have booked, and what it gave back too."""
    for entry in seen.collections:
        attempt = seen.find_attempt(entry["reference"])
        if attempt is None:  # a try that took nothing may have been archived
            if entry["state"] == "collected":
                yield f"INV-6: nobody here knows of {entry}"
        elif entry["state"] == "collected" and attempt["state"] not in {"PAID", "SURPLUS", "DISPROVED"}:
            yield f"INV-6: the gateway took {entry['amount_minor']}, our try is {attempt['state']}"
        elif attempt["state"] == "PAID" and attempt["collected"] != entry["amount_minor"]:
            yield f"INV-2: we say {attempt}, the gateway took {entry['amount_minor']}"
    back = [entry for entry in seen.books if entry["kind"] != "collection" and entry["state"] == "paid_back"]
    given = [refund for refund in seen.refunds if refund["way"] == "GATEWAY" and refund["state"] == "REFUNDED"]
    if sum(entry["amount_minor"] for entry in back) != sum(refund["amount"] for refund in given):
        yield f"INV-2: the gateway gave back {back}, we say {given}"


def _wrong_tries(seen: Picture, payment: Row) -> Iterator[str]:
    tries = seen.attempts_of(payment)
    if len([one for one in tries if one["state"] in MAY_CHARGE]) > 1:
        yield f"INV-5: two tries may take the money: {tries}"
    for one in tries:
        if len(seen.booked(one)) > 1:
            yield f"INV-2: one try was asked for twice: {seen.booked(one)}"
    open_ones = [one["state"] for one in tries if one["state"] in MAY_CHARGE]
    if payment["gateway"] != "wallet" and not {*open_ones} <= (_OPEN_TRIES.get(payment["state"], MAY_CHARGE)):
        yield f"INV-4: {payment['state']} with tries that are {open_ones}"
    if payment["state"] in {"REQUESTED", "PENDING"} and not open_ones:
        yield f"INV-4: {payment['state']}, and no try is open"
    if payment["state"] == "FAILED" and [one for one in tries if one["state"] in MAY_CHARGE]:
        yield f"INV-5: called failed, while a try may take the money: {tries}"


def _wrong_capture(seen: Picture, payment: Row) -> Iterator[str]:
    name = f"payment:{payment['id']}"
    captures = [entry for entry in seen.entries if entry["reason"] == f"{name}:capture"]
    is_settled, is_wallet = payment["state"] == "SETTLED", payment["gateway"] == "wallet"
    if len(captures) != (is_settled and not is_wallet):
        yield f"INV-2: {payment['state']} with {len(captures)} captures"
    paid = [one for one in seen.attempts if one["state"] == "PAID"]
    if len(paid) != (payment["state"] in {"SETTLED", "REVIEW"} and not is_wallet):
        yield f"INV-4: {payment['state']} with {len(paid)} paid tries"
    for one in seen.attempts:
        surplus = [entry for entry in seen.entries if entry["reason"] == f"attempt:{one['id']}:surplus"]
        if len(surplus) != (one["state"] == "SURPLUS"):
            yield f"INV-2: a try that is {one['state']} with {len(surplus)} surpluses"
    given = sum(refund["amount"] for refund in seen.refunds if refund["state"] != "FAILED")
    if given > sum(entry["amount"] for entry in captures) + (payment["amount"] if is_wallet else 0):
        yield f"INV-2: {given} is given back, more than came"


def _wrong_messages(seen: Picture, payment: Row) -> Iterator[str]:
    told = [row["kind"] for row in seen.told if row["about"] == f"payment:{payment['id']}"]
    if len(told) != len(set(told)):
        yield f"INV-4: the customer was told twice: {told}"
    settled = SETTLED & set(told)
    if len(settled) != (payment["state"] == "SETTLED"):
        yield f"INV-4: {payment['state']}, and the customer was told {told}"
    if payment["state"] in CLOSED and not CLOSED[payment["state"]] & set(told):
        yield f"INV-4: {payment['state']}, and the customer was told {told}"
    if payment["state"] in WAITING and told:
        yield f"INV-4: it still waits, and the customer was told {told}"
    yield from _wrong_messages_of_parts(seen)


def _wrong_messages_of_parts(seen: Picture) -> Iterator[str]:
    for one in seen.attempts:
        about = [row["kind"] for row in seen.told if row["about"] == f"attempt:{one['id']}"]
        if len(about) != (one["state"] == "SURPLUS"):
            yield f"INV-4: a try that is {one['state']} was told as {about}"
    promised = any(row["kind"] == "payment_returned" for row in seen.told)
    for refund in seen.refunds:
        about = [row["kind"] for row in seen.told if row["about"] == f"refund:{refund['id']}"]
        is_told = refund["state"] == "REFUNDED" or (refund["state"] == "FAILED" and promised)
        if len(about) != is_told:
            yield f"INV-4: a refund that is {refund['state']} was told as {about}"


def _wrong_order(seen: Picture, payment: Row) -> Iterator[str]:
    """INV-4 and INV-7: order, its item, the cart's line and the stock say the same."""
    if payment["order"] is None:
        yield from _wrong_topup(seen)
        return
    if len(seen.orders) != 1:
        yield f"INV-2: {len(seen.orders)} orders"
        return
    [order], [product] = seen.orders, seen.products
    if order["state"] not in ORDERS_OF_PAYMENT[payment["state"]]:
        yield f"INV-4: {payment['state']} with an order that is {order['state']}"
    sales = [entry for entry in seen.entries if entry["reason"] == f"payment:{payment['id']}:sale"]
    if len(sales) != (order["state"] == "PAID"):
        yield f"INV-4: an order that is {order['state']} with {len(sales)} sales"
    if [item["state"] for item in seen.items] != [ITEMS_OF_ORDER[order["state"]]]:
        yield f"INV-4: an order that is {order['state']} with {seen.items}"
    if len(seen.held) != (order["state"] == "PLACED"):
        yield f"INV-4: an order that is {order['state']} holds {seen.held}"
    yield from _wrong_stock(product, reserved=order["state"] == "PLACED", sold=order["state"] == "PAID")


def _wrong_topup(seen: Picture) -> Iterator[str]:
    """It orders nothing, and nobody is told of an order."""
    if seen.orders or seen.items or seen.held:
        yield f"INV-2: a top-up with {seen.orders}, {seen.items}, {seen.held}"
    yield from _wrong_stock(seen.products[0], reserved=False, sold=False)


def _wrong_stock(product: Row, *, reserved: bool, sold: bool) -> Iterator[str]:
    stock = {"reserved": int(reserved), "sold": int(sold), "on_hand": STOCK - reserved - sold}
    if {name: product[name] for name in stock} != stock:
        yield f"INV-7: {product} is not {stock}"


def _wrong_wallet(seen: Picture) -> Iterator[str]:
    for user, balance in seen.wallets.items():
        came = sum(entry["amount"] for entry in seen.entries if str(entry["to"]) == user)
        went = sum(entry["amount"] for entry in seen.entries if str(entry["from"]) == user)
        if not balance == came - went >= 0:
            yield f"INV-3: the wallet holds {balance}, its entries say {came - went}"
