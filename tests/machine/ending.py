"""How an example ends: nothing new happens, all that is due is done, and then every promise must be kept."""

import sys
from collections import Counter

from tests.machine.picture import Row
from tests.machine.refunds import Refunds
from tests.machine.truths import check_always, check_quiet, find_unheard

# Until nothing waits: leases and the proof of absence, the end of the time to approve, and the last looks.
QUIET_SECONDS = (200, 200, 4_000, *[49 * 3600] * 6)


class Ending(Refunds):
    ended: Counter[str] = Counter()

    def teardown(self) -> None:
        is_whole = False
        try:
            if sys.exc_info()[0] is None:  # else the example has failed already, or is not going to be one
                self._let_it_end()
                self._count()
                is_whole = True
        finally:
            self.world.end(in_the_middle=not is_whole)

    def _let_it_end(self) -> None:
        """No more payers and faults; banks do their work. Then a webhook for what design says nobody asks about."""
        self.held.clear()
        self.look()
        for entry in self.banked:
            self.world.decide(entry, "pay")
        self._wait_until_quiet()
        self._tell_again(find_unheard(self.seen, self.unwatched))
        for refund in self.seen.waiting_refunds:
            self.resolve(refund)
        self.look()
        check_always(self.seen, self.late)
        check_quiet(self.seen)

    def _wait_until_quiet(self) -> None:
        for seconds in QUIET_SECONDS:
            if self.seen.is_idle:
                break
            self.world.pass_time(seconds)
            self.work_off()
            self.look()
            for entry in self.banked:
                self.world.decide(entry, "pay")

    def _tell_again(self, unheard: list[Row]) -> None:
        """Of refunds that were begun at the gateway only the gateway can tell."""
        told = unheard + [entry for entry in self.seen.books if self._is_outside(entry)]
        if not told:
            return
        self.world.held.clear()
        for entry in told:
            self.world.tell_again(entry)
        self.world.look()
        for gateway, webhook in self.world.held:
            assert self.world.deliver(gateway, webhook) == 200
        self.look()
        self._wait_until_quiet()

    def _is_outside(self, entry: Row) -> bool:
        ours = {refund["reference"] for refund in self.seen.refunds}
        return entry["kind"] == "refund" and entry["reference"] not in ours

    def _count(self) -> None:
        count = type(self).ended
        count["examples"] += 1
        for name, rows in (
            ("payment", self.seen.payments),
            ("attempt", self.seen.attempts),
            ("refund", self.seen.refunds),
        ):
            count.update(f"{name} {row['state']}" for row in rows)
        count.update(f"refund {row['source']} {row['way']}" for row in self.seen.refunds)
        count.update(f"settled by {row['gateway']}" for row in self.settled)
        cancelled = {row["id"] for row in self.seen.orders if row["state"] == "CANCELLED"}
        late = {row["about"] for row in self.seen.told if row["kind"] == "payment_settled_late"}
        count["settled after the end"] += sum(f"payment:{row['id']}" in late for row in self.settled)
        count["settled when sold out"] += sum(row["order"] in cancelled for row in self.settled)
