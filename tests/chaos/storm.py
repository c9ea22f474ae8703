"""Everything is broken in one go: fault after fault under one load, each recovered from before the next; one proof.

So the short form of every fault fits into `make test`. Which of them did it, should anything be amiss, `make chaos`
tells one by one.
"""

import random
import time
from collections.abc import Sequence

import requests

from tests.chaos.faults import Fault
from tests.chaos.load import PATIENCE_SECONDS, Load
from tests.chaos.patience import eventually
from tests.chaos.plan import WishesUntilTold, make_plan
from tests.chaos.proof import is_quiet, prove, unpaid_since
from tests.chaos.run import (
    QUIET_SECONDS,
    RECOVERED_SECONDS,
    Result,
    Show,
    let_some_more_pay,
    newest_payment,
    note,
    recover,
)
from tests.chaos.world import World

BETWEEN_SECONDS = 1.0
PLANNED = 1000
COME_AFTERWARDS = 16


def storm(world: World, faults: Sequence[Fault], *, per_second: float, show: Show) -> Result:
    """Break all of these, in an order that the seed gives."""
    result = Result("storm", seed=world.seed)
    began_at = time.monotonic()
    chance = random.Random(f"{world.seed} storm")
    world.check_weather()
    after = newest_payment(world)
    menu = requests.get(f"{world.stack.web}/api/products/", timeout=30).json()
    wishes = WishesUntilTold(make_plan(f"{world.seed} storm", PLANNED, menu))
    load = Load(world.stack.web, world.customers, wishes, per_second=per_second, staff=world.staff_token)
    load.start()
    recoveries: dict[str, float] = {}
    try:
        for fault in chance.sample(faults, len(faults)):
            time.sleep(BETWEEN_SECONDS)
            show(f"{fault.name}: {fault.says}", load.tally)
            fault.breaks(world, chance)
            recoveries[fault.name] = round(recover(world, load.tally, show), 1)
        recovered = newest_payment(world)
        let_some_more_pay(load, wishes, COME_AFTERWARDS, lambda what: show(what, load.tally))
    finally:
        wishes.stop()
        load.wait(PATIENCE_SECONDS)  # a fault that could not be made leaves nobody on the road
    eventually(lambda: is_quiet(world), QUIET_SECONDS)
    repeats = any(fault.repeats for fault in faults)
    note(result, prove(world, load.tally, after=after), load.tally, repeats=repeats)
    result.breaks += unpaid_since(world, recovered)
    result.recovery_seconds = max(recoveries.values())
    late = {name: seconds for name, seconds in recoveries.items() if seconds > RECOVERED_SECONDS}
    result.breaks += [f"{name}: recovery took {seconds:.0f} s" for name, seconds in late.items()]
    result.extra = {"recoveries": recoveries}
    result.seconds = time.monotonic() - began_at
    result.ok = not result.breaks and result.payments > 0
    return result
