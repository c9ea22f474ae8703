"""What must be true of refunds in a picture."""

from collections import Counter
from collections.abc import Collection

from tests.machine.picture import Picture, Row

MOVED = {"pending", "paid_back"}


def check_refunds(seen: Picture) -> None:
    """Between any two steps."""
    for refund in seen.refunds:
        if refund["way"] == "GATEWAY" and refund["source"] != "OUTSIDE":
            _check_at_gateway(seen, refund)
        _check_entries(seen, refund)
        _check_told(seen, refund)
    for attempt in seen.attempts:
        _check_within_capture(seen, attempt)


def _check_at_gateway(seen: Picture, refund: Row) -> None:
    """INV-2: given back once at most, and what we say of it is so."""
    booked = seen.given_back(refund)
    assert len(booked) <= 1, f"INV-2: given back twice: {refund} as {booked}"
    states = {entry["state"] for entry in booked}
    if refund["state"] == "QUEUED":
        assert not booked, f"INV-5: {refund} waits to be sent, and the gateway has {booked}"
    if refund["state"] == "REFUNDED":
        assert states == {"paid_back"}, f"INV-2: we say {refund}, the gateway has {booked}"
        assert booked[0]["amount_minor"] == refund["amount"], f"INV-2: we say {refund}, the gateway has {booked}"
    if refund["state"] == "FAILED":
        assert not states & MOVED, f"INV-5: we say {refund}, the gateway has {booked}"


def _check_entries(seen: Picture, refund: Row) -> None:
    """INV-3: booked with the row, and booked back when it failed."""
    out, given = (seen.entry(f"refund:{refund['id']}:{what}") for what in ("out", "given"))
    assert (out is not None) == (refund["way"] == "GATEWAY"), f"INV-4: {refund} with {out}"
    assert out is None or out["amount"] == refund["amount"], f"INV-2: {refund} with {out}"
    for what, entry in (("out", out), ("given", given)):
        back = seen.entry(f"refund:{refund['id']}:{what}_back")
        is_undone = entry is not None and refund["state"] == "FAILED"
        assert (back is not None) == is_undone, f"INV-4: {refund} with {entry} and {back}"
        assert back is None or back["amount"] == entry["amount"], f"INV-3: {refund} with {entry} and {back}"  # type: ignore[index]


def _check_told(seen: Picture, refund: Row) -> None:
    told = [row["kind"] for row in seen.told if row["about"] == f"refund:{refund['id']}"]
    assert len(told) <= 1, f"{refund} was told twice: {told}"
    if refund["source"] != "OUTSIDE":
        assert len(told) == (refund["state"] == "REFUNDED"), f"INV-4: {refund} was told as {told}"


def _check_within_capture(seen: Picture, attempt: Row) -> None:
    """INV-2: never more than was captured, in our rows and in the gateway's books."""
    rows = [refund for refund in seen.refunds if refund["attempt"] == attempt["id"] and refund["state"] != "FAILED"]
    ours = sum(refund["amount"] for refund in rows)
    assert ours <= (attempt["collected"] or 0), f"INV-2: {attempt} and {rows}"
    booked = [entry for refund in rows if refund["source"] != "OUTSIDE" for entry in seen.given_back(refund)]
    theirs = sum(entry["amount_minor"] for entry in booked if entry["state"] in MOVED)
    assert theirs <= (attempt["collected"] or 0), f"INV-2: {attempt}, and the gateway gave back {booked}"
    # What others gave back is known by what it gives back alone: Cashfree has yet another id for it.
    outside = Counter(entry["amount_minor"] for entry in given_outside(seen, attempt) if entry["state"] in MOVED)
    told = Counter(refund["amount"] for refund in rows if refund["source"] == "OUTSIDE")
    assert told <= outside, f"INV-2: {rows}, and at the gateway somebody gave back {outside}"


def given_from_sales(seen: Picture, payments: Collection[int]) -> int:
    """What came back to these payments' customer from what they had bought."""
    refunds = [refund["id"] for refund in seen.refunds if refund["payment"] in payments]
    given = [seen.entry(f"refund:{refund}:given") for refund in refunds]
    undone = [seen.entry(f"refund:{refund}:given_back") for refund in refunds]
    came = sum(int(entry["amount"]) for entry in given if entry)
    return came - sum(int(entry["amount"]) for entry in undone if entry)


def paid_back(seen: Picture, tries: Collection[str]) -> int:
    """What the gateways gave back of these tries, by their own books, whoever began it."""
    attempts = [attempt for attempt in seen.attempts if attempt["reference"] in tries]
    collections = {entry["gateway_id"] for attempt in attempts for entry in seen.booked(attempt)}
    ids = {attempt["id"] for attempt in attempts}
    payouts = {refund["reference"] for refund in seen.refunds if refund["attempt"] in ids}
    return sum(
        entry["amount_minor"]
        for entry in seen.books
        if entry["state"] == "paid_back" and (entry["of_gateway_id"] in collections or entry["reference"] in payouts)
    )


def given_outside(seen: Picture, attempt: Row) -> list[Row]:
    """What somebody gave back of this try without us."""
    collections = {entry["gateway_id"] for entry in seen.booked(attempt)}
    ours = {refund["reference"] for refund in seen.refunds}
    return [entry for entry in seen.books if entry["of_gateway_id"] in collections and entry["reference"] not in ours]
