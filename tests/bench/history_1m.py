"""A million past payments in the tables against none: payments a second of the whole path, as a ratio.

The same stack is measured before they are made and afterwards. With books that full `prove_money` must still agree.
"""

from tests.bench.checkouts import open_shops, pay
from tests.bench.history import make_history
from tests.bench.line import Line
from tests.bench.ours import Ours

NAME = "history_1m"
REACH = 0.9
PAST = 1_000_000
PAYMENTS, WARM_UP, TURNS = 1_000, 300, 2


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    pay(ours, menus, WARM_UP)
    before = [pay(ours, menus, PAYMENTS) for _ in range(TURNS)]
    make_history(ours.database, PAST, list(menus.dishes["XAF"]), ours.say)
    pay(ours, menus, WARM_UP)
    after = [pay(ours, menus, PAYMENTS) for _ in range(TURNS)]
    problems = [problem for run in (*before, *after) for problem in run.problems]
    if ours.stack.manage("prove_money").returncode != 0:
        problems.append("the books do not balance")
    return Line(
        bench=NAME,
        value=max(run.per_second for run in after) / max(run.per_second for run in before),
        unit="times the payments a second with empty tables",
        reach=REACH,
        against={"empty_per_second": [round(run.per_second, 1) for run in before]},
        problems=tuple(problems),
        cpu=after[-1].cpu,
        figures={"full_per_second": [round(run.per_second, 1) for run in after], "past_payments": PAST},
    )
