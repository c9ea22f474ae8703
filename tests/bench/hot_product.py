"""One dish in every order against orders spread over 200 dishes: payments a second of the whole path, as a ratio.

Measured evenly, hot, hot, evenly: what a machine grows slower or faster by in the meantime falls upon both alike.
"""

from tests.bench.checkouts import Run, open_shops, pay
from tests.bench.line import Line
from tests.bench.ours import Ours

NAME = "hot_product"
REACH = 0.9
PAYMENTS, WARM_UP = 1_000, 300


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    pay(ours, menus, WARM_UP)
    evenly: list[Run] = []
    hot: list[Run] = []
    for runs in (evenly, hot, hot, evenly):
        runs.append(pay(ours, menus, PAYMENTS, hot=runs is hot))
    return Line(
        bench=NAME,
        value=sum(run.per_second for run in hot) / sum(run.per_second for run in evenly),
        unit="times the payments a second of an even menu",
        reach=REACH,
        against={"evenly_per_second": [round(run.per_second, 1) for run in evenly]},
        problems=tuple(problem for run in (*evenly, *hot) for problem in run.problems),
        cpu=hot[-1].cpu,
        figures={"hot_per_second": [round(run.per_second, 1) for run in hot], "payments": PAYMENTS},
    )
