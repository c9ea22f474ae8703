"""Giving back: what staff, workers, banks and the gateways' own people may do. A part of the machine."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from choptym.lib.errors import NotAllowed, Rejected
from payments.refunds.write import Wish
from tests.machine.choices import PICK, when
from tests.machine.deeds import Deeds
from tests.machine.picture import Row

SHARE = st.sampled_from([None, 2, 1])  # of what was paid: all that is left, a half, the whole


class Refunds(Deeds):
    """Rules about money that goes back. The machine looks, and these act on what it saw."""

    @rule(pick=PICK, share=SHARE, to_wallet=st.booleans(), times=st.integers(1, 2), pick_try=PICK)
    @when("payments")
    def staff_refund(self, pick: int, share: int | None, to_wallet: bool, times: int, pick_try: int) -> None:
        payments = self.settled or self.seen.payments
        self.refund(payments[pick % len(payments)], share, to_wallet=to_wallet, times=times, pick_try=pick_try)

    def refund(self, payment: Row, share: int | None, *, to_wallet: bool, times: int, pick_try: int) -> None:
        collected = [row for row in self.seen.attempts_of(payment) if row["state"] in {"PAID", "SURPLUS"}]
        wish = Wish(
            reason="cold",
            amount_minor=payment["amount"] // share if share else None,
            reference=UUID(int=1 + len(self.seen.refunds) + 1_000 * payment["id"], version=4),
            attempt_id=collected[pick_try % len(collected)]["id"] if collected else None,
            to_wallet=to_wallet,
        )
        before = len(self.world.seen.refunds)
        made: list[int | None] = []
        for _ in range(times):
            try:
                made.append(self.world.refund(payment["id"], wish).pk)
            except (NotAllowed, Rejected):
                made.append(None)
        assert len(set(made)) == 1, f"the same reference twice: {made}"
        assert payment["state"] == "SETTLED" or made[0] is None, f"given back of {payment}"
        assert len(self.world.look().refunds) == before + (made[0] is not None)

    @rule(pick=PICK, decision=st.sampled_from(["pay", "pay", "decline"]))
    @when("banked")
    def a_bank_decides_on_a_refund(self, pick: int, decision: str) -> None:
        self.world.decide(self.banked[pick % len(self.banked)], decision)

    @rule(pick=PICK, has_asked=st.booleans())
    @when("to_send")
    def a_worker_dies_refunding(self, pick: int, has_asked: bool) -> None:
        asleep = self.world.die_refunding(self.to_send[pick % len(self.to_send)]["gateway"], has_asked=has_asked)
        self.asleep_refunds += [asleep] if asleep else []

    @rule()
    @when("asleep_refunds")
    def a_worker_that_was_refunding_wakes(self) -> None:
        self.asleep_refunds.pop(0)()

    @rule(pick=PICK, share=st.sampled_from([2, 1]))
    @when("kept")
    def somebody_refunds_at_the_gateway(self, pick: int, share: int) -> None:
        attempt = self.kept[pick % len(self.kept)]
        [entry] = self.seen.booked(attempt)
        self.outside.append(entry["reference"])
        try:
            amount_minor, is_link = entry["amount_minor"] // share, self._is_by_link(attempt)
            self.world.refund_outside(attempt, amount_minor, entry["currency"], is_link=is_link)
        except Rejected:  # there is not so much left
            return

    @rule(pick=PICK)
    @when("unknown")
    def staff_resolve_a_refund(self, pick: int) -> None:
        self.resolve(self.unknown[pick % len(self.unknown)])

    def resolve(self, refund: Row) -> None:
        """By what the gateway's own pages show; while that is pending, staff wait."""
        states = {entry["state"] for entry in self.seen.given_back(refund)}
        if "pending" not in states and refund["state"] != "QUEUED":
            self.world.resolve(refund["id"], was_given="paid_back" in states)
