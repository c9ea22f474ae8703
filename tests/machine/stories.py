"""How an example begins: what follows the first checkouts, so that there is much to happen to."""

from tests.machine.refunds import Refunds
from tests.machine.world import STOCK


class Stories(Refunds):
    def _go_on(self, follows: str) -> None:
        if follows == "paid twice":
            self.give_up_and_make_anew()
            self.look()
            for reference in self.stuck:
                self.arrive(reference, pays=True)
            self.stuck.clear()
            return
        if follows in {"paid after the end", "paid when sold out"}:
            self._let_it_expire()
        if follows == "paid when sold out":
            self._sell_out()
        for entry in self.pending + self.given_up:
            self.decide(entry, "decline" if follows == "declined" else "pay", is_odd=follows == "paid oddly")
        self.world.pass_time(14)
        self.world.look()
        self.work_off()
        self.look()
        if follows == "refunded":
            for payment in self.settled:
                self.refund(payment, None, to_wallet=False, times=1, pick_try=0)

    def _let_it_expire(self) -> None:
        for seconds in (2_002, 21):
            self.world.pass_time(seconds)
            self.world.look()
            self.work_off()
        self.look()

    def _sell_out(self) -> None:
        """Somebody else gets all that the customers wanted."""
        for which, customer in enumerate(self.world.customers):
            wanted = {item["product"] for item in self.seen.items if item["product"] in customer.products}
            lines = {customer.products.index(product): STOCK for product in sorted(wanted)}
            if lines:
                self.check_out(which, lines, 1, link=False)
        self.look()
