"""What becomes of a transaction once the gateway has it: asked, approved or refused, expired, late after all."""

from functools import partial
from typing import TYPE_CHECKING

from payments.sandbox.books import Entry, Kind, State

if TYPE_CHECKING:
    from payments.sandbox.gateway import Gateway

REFUSED = "The payer declined the payment"
NOT_PAID_OUT = "The account cannot receive money"
OPERATOR_DOWN = "The operator does not answer"
TIMED_OUT = "The payer did not answer in time"
LINK_CHECK_SECONDS = 60  # how long a link that is being paid at its end gets, again and again


class Life:
    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    def open(self, entry: Entry) -> None:
        """A new transaction: push it to the payer, or let the link wait for a visitor."""
        gateway = self._gateway
        lifetime_seconds = gateway.dialect.open_seconds(entry)
        if lifetime_seconds is not None:
            gateway.clock.call_later(lifetime_seconds, partial(self._end, entry))
        if not entry.link_id:
            self.ask(entry)
        elif gateway.knobs_for(entry).links_pay_themselves:
            self._open_link(entry)
            self.ask(entry)
        gateway.sender.forge(entry)

    def ask(self, entry: Entry) -> None:
        """Ask the payer (or send the payout); the answer comes after the approval delay, or never."""
        gateway = self._gateway
        entry.tries += 1
        gateway.dialect.note_try(entry)
        gateway.books.reopen(entry)
        if self._is_ignored(entry):
            patience_seconds = gateway.dialect.patience_seconds(entry)
            if patience_seconds is not None:
                gateway.clock.call_later(patience_seconds, partial(self._give_up, entry, entry.tries))
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
        self._gateway.dialect.note_try(entry)
        self._fail(entry, REFUSED)

    def decide(self, entry: Entry, reason: str) -> None:
        """Somebody orders how the latest try ends: paid (""), or failed for this reason."""
        if reason and entry.state is State.PENDING:
            self._fail(entry, reason)
        elif not reason and entry.state in (State.PENDING, State.FAILED):
            self._take(entry)

    def order(self, entry: Entry, *, pays: bool) -> bool:
        """Somebody decides for the payer, now. False: it is too late for that.

        A payer may pay after the failure or the expiry was told, as the knobs for late success let it happen.
        """
        if entry.state not in ((State.PENDING, State.FAILED, State.EXPIRED) if pays else (State.PENDING,)):
            return False
        if not entry.tries:
            self._open_link(entry)
            entry.tries += 1
            self._gateway.dialect.note_try(entry)
        if pays:
            self._take(entry)
        else:
            self._fail(entry, REFUSED)
        return True

    def _open_link(self, entry: Entry) -> None:
        """Somebody of the default phone, when nobody said who."""
        numbering = self._gateway.dialect.numbering
        entry.phone = entry.phone or numbering.default_payer
        entry.operator = numbering.find_operator(entry.phone)

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

    def _give_up(self, entry: Entry, this_try: int) -> None:
        if entry.state is State.PENDING and entry.tries == this_try:
            self._fail(entry, TIMED_OUT)

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

    def amount_minor(self, entry: Entry) -> int:
        """What really moves when this transaction is approved."""
        gateway = self._gateway
        knobs = gateway.knobs_for(entry)
        is_collection = entry.kind is Kind.COLLECTION
        if is_collection and gateway.chance.happens(knobs.wrong_amount_rate, entry.key, "wrong_amount"):
            return max(1, entry.asked_minor + knobs.wrong_amount_delta_minor)
        return entry.asked_minor

    def _take(self, entry: Entry) -> None:
        if not self._gateway.dialect.intercept(entry):
            self.take(entry)

    def take(self, entry: Entry) -> None:
        """The money moves."""
        gateway = self._gateway
        knobs, amount_minor = gateway.knobs_for(entry), self.amount_minor(entry)
        is_collection = entry.kind is Kind.COLLECTION
        basis_points = knobs.fee_basis_points if is_collection else knobs.payout_fee_basis_points
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

    def _end(self, entry: Entry) -> None:
        """The time of a link (or an order) is up. While the payer is approving, it waits for the outcome."""
        if entry.state is State.PENDING and entry.tries:
            self._gateway.clock.call_later(LINK_CHECK_SECONDS, partial(self._end, entry))
        elif entry.state in (State.PENDING, State.FAILED):
            self.expire(entry)
