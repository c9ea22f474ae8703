"""What the machine knows of the running example, and what several of its rules do."""

from collections.abc import Callable

from payments.gateways.base import Accepted
from payments.locks import Charge
from tests.machine.choices import WHILES
from tests.machine.gateways import FAULTS, GATEWAYS, GATEWAYS_OF, PUSHED_AT_ONCE, REFUSALS
from tests.machine.parts import Message
from tests.machine.picture import WAITING, Row
from tests.machine.truths import is_watched
from tests.machine.world import World

MOST_PAYMENTS = 4
MOST_MESSAGES = 60  # far more than one example's rows can ask for: a message that begets itself would never end
RESOLVED_AFTER_SECONDS = 600  # staff may end a refund by hand


class Deeds:
    def begin_with(self, world: World) -> None:
        self.world = world
        world.begin()
        self.late: set[str] = set()  # references of requests that arrived when they were given up
        self.unwatched: set[str] = set()  # references of what was paid when we had stopped asking
        self.stuck: list[str] = []  # references of requests that may still arrive
        self.outside: list[str] = []  # references of collections of which somebody gave back without us
        self.asleep: list[tuple[Charge, Accepted]] = []
        self.asleep_refunds: list[Callable[[], None]] = []
        self.slow: list[Callable[[], None]] = []
        self.has_changed = False
        self.look()

    def look(self) -> None:
        self.seen = self.world.look()
        self._look_at_refunds()
        self.messages = self.world.messages()
        self.held = self.world.held
        self.queued = [row for row in self.seen.payments if row["state"] == "QUEUED" and row["gateway"] != "wallet"]
        self.payments = self.seen.payments
        self.may_begin = len(self.payments) < MOST_PAYMENTS
        self.paying = [row for row in self.seen.payments if row["state"] in WAITING or row["has_check"]]
        self.paying += self.seen.waiting_refunds
        self.pending = [entry for entry in self.seen.collections if entry["state"] == "pending"]
        self.given_up = [entry for entry in self.seen.collections if entry["state"] in {"failed", "expired"}]
        self.asked = [(customer, asked) for customer in self.world.customers for asked in customer.asked]

    def _look_at_refunds(self) -> None:
        self.settled = [row for row in self.seen.payments if row["state"] == "SETTLED"]
        self.banked = [row for row in self.seen.books if row["kind"] != "collection" and row["state"] == "pending"]
        self.to_send = [row for row in self.seen.waiting_refunds if row["way"] == "GATEWAY"]
        self.unknown = [row for row in self.to_send if (row["asked_for"] or 0) > RESOLVED_AFTER_SECONDS + 60]
        self.kept = [row for row in self.seen.attempts if self._may_be_given_back_outside(row)]

    def _may_be_given_back_outside(self, attempt: Row) -> bool:
        """Known to us, collected, and of a gateway whose refunds name what they give back."""
        is_refundable = attempt["gateway"] in GATEWAYS_OF["INR"] and attempt["transaction"]
        return bool(is_refundable and any(entry["state"] == "collected" for entry in self.seen.booked(attempt)))

    def check_out(self, which: int, lines: dict[int, int], method: int | None, link: bool) -> None:
        customer = self.world.customers[which]
        by = "wallet" if method is None else GATEWAYS_OF[customer.currency][method]
        answer = self.world.check_out(customer, lines, method=by, link=link)
        assert answer.status_code in {202, 409}, answer.content

    def work_with(self, message: Message, fault: str) -> None:
        known = {attempt["id"] for attempt in self.seen.attempts}
        self.world.work(message, REFUSALS if fault == "refusal" else dict.fromkeys(GATEWAYS, FAULTS.get(fault, {})))
        if fault == "request lost":
            now = self.world.look()
            tried = [attempt for attempt in now.attempts if attempt["id"] not in known and not now.booked(attempt)]
            pushed = [attempt for attempt in tried if attempt["gateway"] in PUSHED_AT_ONCE]
            self.stuck += [row["reference"] for row in pushed if not self._is_by_link(row)]

    def _is_by_link(self, attempt: Row) -> bool:
        return bool(self.world.seen.find_payment(attempt["payment"])["by_link"])

    def work_off(self) -> None:
        self.world.tick(*self.world.seen.sweepers_needed)
        for _ in range(MOST_MESSAGES):
            messages = self.world.messages()
            if not messages:
                return
            self.world.work(messages[0])
        raise AssertionError(f"the messages never end: {messages}")

    def decide(self, entry: Row, decision: str, *, is_odd: bool = False) -> None:
        attempt = self.seen.find_attempt(entry["reference"])
        assert attempt is not None
        if decision == "pay" and not is_watched(self.seen.find_payment(attempt["payment"]), attempt):
            self.unwatched.add(entry["reference"])
        with self.world.wrong(entry["gateway"], {"wrong_amount_rate": 1} if is_odd else {}):
            self.world.decide(entry, decision)

    def give_up_and_make_anew(self) -> None:
        for seconds in WHILES[1::-1]:
            self.world.pass_time(seconds)
            self.world.look()
            self.work_off()

    def arrive(self, reference: str, *, pays: bool) -> None:
        attempt = self.seen.find_attempt(reference)
        assert attempt is not None
        self.late.add(reference)
        self.world.arrive(attempt)
        self.look()
        if pays and (entries := self.seen.booked(attempt)):
            self.decide(entries[0], "pay")
