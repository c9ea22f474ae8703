"""Which pairs of doors there are, and how each may end.

    order       SETTLED, and the order is bought with it, taken up again where it had been cancelled
    wallet      SETTLED, the order is gone, and the money is in the wallet, or on its way back from there
    review      a person has to decide
    failed, expired, cancelled    no money came, and what was reserved is free
    waits       it is not ended: the payer, or a queue, has the word
    nothing     nothing was ordered

Money decides: where the payer has paid, no door that gives up may win. Else it ends by one of the two that knocked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement

from tests.races.pairs.doors import DOORS, Door
from tests.races.pairs.starts import STARTS

# Money is there from the start, and booked or about to be.
_HAS_MONEY = frozenset({"settled", "set_aside", "surplus_set_aside", "refund_queued"})
# Only money takes a payment out of these.
_FINAL = frozenset({"failed", "expired", "cancelled"})
_REVIEWS = frozenset({"review", "review_and_surplus"})
# Nobody would cook it any more.
_TOO_LATE = frozenset({"old"})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two doors at one payment that stands so, in no order."""

    start: str
    doors: tuple[Door, Door]

    @property
    def name(self) -> str:
        return f"{self.doors[0].name}-{self.doors[1].name}"

    @property
    def groups(self) -> tuple[str, str]:
        first, second = sorted(door.group for door in self.doors)
        return first, second

    @property
    def is_rare(self) -> bool:
        """For the long form, unless these groups met nowhere else."""
        return any(self.start in door.rarely for door in self.doors)

    @property
    def gateway(self) -> str:
        named = {door.gateway for door in self.doors} - {""}
        return named.pop() if named else STARTS[self.start].gateways[0]

    @property
    def fault(self) -> str:
        return next((door.fault for door in self.doors if door.fault is not None), "")

    @property
    def ends(self) -> frozenset[str]:
        moneys = {door.money for door in self.doors} - {""}
        ends = self.doors[0].ends | self.doors[1].ends
        if self.start in _REVIEWS:
            return self._ends_of_review(ends)
        if "odd" in moneys:
            return frozenset({"review"})
        if moneys or self.start in _HAS_MONEY:
            return self._ends_with_money()
        if self.start == "cart" or STARTS[self.start].end in _FINAL:
            return frozenset({STARTS[self.start].end if self.start != "cart" else "waits"})
        stays = not all(door.ends for door in self.doors) or ends & {STARTS[self.start].end} or self._may_refuse
        return ends | ({STARTS[self.start].end} if stays else set())

    @property
    def _may_refuse(self) -> bool:
        """While a call is under way a customer cannot cancel: nobody knows whether there is something to cancel."""
        return any(door.name == "cancel" for door in self.doors)

    def _ends_of_review(self, ends: frozenset[str]) -> frozenset[str]:
        """What a person has found not to be there, somebody may bring news of again; and so of the first try."""
        decided = ends - {"cancelled", "expired"}
        if "failed" in decided and any(door.money for door in self.doors):
            decided |= {"review"}
        if "failed" in decided and self.start == "review_and_surplus":
            decided |= {"order"}
        return decided or frozenset({"review"})

    def _ends_with_money(self) -> frozenset[str]:
        if self.start == "topup":
            return frozenset({"wallet"})
        if self.start in _TOO_LATE:
            return frozenset({"wallet"})
        if self.start == "asked_again" or (self.start == "again" and any(door.charges for door in self.doors)):
            # What the first try took is in the wallet, once the second is on its way.
            return frozenset({"order", "waits"}) | self.doors[0].ends | self.doors[1].ends
        return frozenset({"order"})


def all_pairs() -> Iterator[Pair]:
    for first, second in combinations_with_replacement(DOORS, 2):
        for start in STARTS:
            pair = Pair(start, (first, second))
            if start in first.everywhere & second.everywhere and _is_possible(pair):
                yield pair


def _is_possible(pair: Pair) -> bool:
    first, second = pair.doors
    places = {door.gateway for door in pair.doors} - {""}
    if len(places) > 1 or not places <= {*STARTS[pair.start].gateways}:
        return False
    if (first is second and first.alone) or (first.fault is not None and second.fault is not None):
        return False
    return not _contradict(pair, first, second) and not _contradict(pair, second, first)


def _contradict(pair: Pair, one: Door, other: Door) -> bool:
    """Of a call that the gateway refused nothing comes, so nobody can bring news of it; of the one before it may."""
    return (
        pair.start != "asked_again"
        and one.never
        and ((other.rank > 1 and other.name != "poll") or other.name in {"answer_waiting"})
    )
