"""What becomes of a transaction once the gateway has it: asked, approved or refused, expired, late after all."""

from functools import partial
from typing import TYPE_CHECKING

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.phones import DEFAULT_PAYER, find_operator

if TYPE_CHECKING:
    from payments.sandbox.gateway import Gateway

REFUSED = "The payer declined the payment"
NOT_PAID_OUT = "The account cannot receive money"
OPERATOR_DOWN = "The operator does not answer"
LINK_CHECK_SECONDS = 60  # how long a link that is being paid at its end gets, again and again


class Life:
    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    def open(self, entry: Entry) -> None:
        """A new transaction: push it to the payer, or let the link wait for a visitor."""
        gateway = self._gateway
        if entry.link_id:
            lifetime_seconds = gateway.dialect.link_seconds(entry)
            if lifetime_seconds is not None:
                gateway.clock.call_later(lifetime_seconds, partial(self._end_link, entry))
        if not entry.link_id:
            self.ask(entry)
        elif gateway.knobs_for(entry).links_pay_themselves:
            entry.phone = entry.phone or DEFAULT_PAYER
            entry.operator = find_operator(entry.phone)
            self.ask(entry)
        gateway.sender.forge(entry)

    def ask(self, entry: Entry) -> None:
        """Ask the payer (or send the payout); the answer comes after the approval delay, or never."""
        gateway = self._gateway
        entry.tries += 1
        gateway.books.reopen(entry)
        if self._is_ignored(entry):
            return
        knobs, key = gateway.knobs_for(entry), self._try_key(entry)
        delay_ms = float(knobs.approval_delay_ms)
        if knobs.approval_jitter_ms:
            delay_ms += knobs.approval_jitter_ms * gateway.chance.roll(key, "approval_jitter")
        gateway.clock.call_later(delay_ms / 1000, partial(self._hear, entry, entry.tries))

    def hear_now(self, entry: Entry) -> None:
        """The payer was faster than our answer to the caller."""
        if entry.tries and not self._is_ignored(entry):
            self._hear(entry, entry.tries)

    def decline(self, entry: Entry) -> None:
        """The visitor of a link pressed the button that says no."""
        entry.tries += 1
        self._fail(entry, REFUSED)

    def expire(self, entry: Entry) -> None:
        """The link closes. What the payer approved a moment ago may still arrive."""
        gateway = self._gateway
        knobs = gateway.knobs_for(entry)
        gateway.books.close(entry, State.EXPIRED, "expired", gateway.clock.now())
        gateway.sender.announce(entry)
        if gateway.chance.happens(knobs.success_after_expiry_rate, entry.key, "success_after_expiry"):
            gateway.clock.call_later(knobs.late_success_ms / 1000, partial(self._succeed_late, entry))

    def _try_key(self, entry: Entry) -> str:
        return f"{entry.key}/{entry.tries}"

    def _is_ignored(self, entry: Entry) -> bool:
        """Whether the payer never answers this try."""
        rate = self._gateway.knobs_for(entry).never_approve_rate
        return self._gateway.chance.happens(rate, self._try_key(entry), "never_approve")

    def _hear(self, entry: Entry, this_try: int) -> None:
        if entry.state is not State.PENDING or entry.tries != this_try:
            return
        reason = self._find_refusal(entry)
        if reason:
            self._fail(entry, reason)
        else:
            self._take(entry)

    def _find_refusal(self, entry: Entry) -> str:
        """Why this try fails; "" when it is approved."""
        gateway = self._gateway
        knobs = gateway.knobs_for(entry)
        if knobs.operator_down is not None and knobs.operator_down == entry.operator:
            return OPERATOR_DOWN
        fixed = gateway.dialect.fixed_outcome(entry)
        if fixed is not None:
            return "" if fixed else REFUSED
        is_collection = entry.kind is Kind.COLLECTION
        rate = knobs.refusal_rate if is_collection else knobs.payout_failure_rate
        if gateway.chance.happens(rate, self._try_key(entry), "refusal"):
            return REFUSED if is_collection else NOT_PAID_OUT
        return ""

    def _take(self, entry: Entry) -> None:
        gateway = self._gateway
        knobs = gateway.knobs_for(entry)
        amount_minor, basis_points = entry.asked_minor, knobs.payout_fee_basis_points
        if entry.kind is Kind.COLLECTION:
            basis_points = knobs.fee_basis_points
            if gateway.chance.happens(knobs.wrong_amount_rate, entry.key, "wrong_amount"):
                amount_minor = max(1, amount_minor + knobs.wrong_amount_delta_minor)
        fee_minor = -(-amount_minor * basis_points // 10_000)
        gateway.books.take(entry, amount_minor=amount_minor, fee_minor=fee_minor, at=gateway.clock.now())
        gateway.sender.announce(entry)

    def _fail(self, entry: Entry, reason: str) -> None:
        gateway = self._gateway
        knobs = gateway.knobs_for(entry)
        gateway.books.close(entry, State.FAILED, reason, gateway.clock.now())
        gateway.sender.announce(entry)
        if gateway.chance.happens(knobs.success_after_failure_rate, self._try_key(entry), "success_after_failure"):
            gateway.clock.call_later(knobs.late_success_ms / 1000, partial(self._succeed_late, entry))

    def _succeed_late(self, entry: Entry) -> None:
        if entry.state in (State.FAILED, State.EXPIRED):
            self._take(entry)

    def _end_link(self, entry: Entry) -> None:
        """The link's time is up. While the payer is approving, it waits for the outcome."""
        if entry.state is State.PENDING and entry.tries:
            self._gateway.clock.call_later(LINK_CHECK_SECONDS, partial(self._end_link, entry))
        elif entry.state in (State.PENDING, State.FAILED):
            self.expire(entry)
