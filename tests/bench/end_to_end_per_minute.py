"""The whole path, payments a minute: checkout → charge over HTTP → webhook → settled → notified.

The four gateways in equal parts; each answers after 50 ms, and customers approve after 100 ms. First as fast as the
checkouts are answered, then at rising rates, which gives the curves of throughput and latency over the offered load.
"""

from tests.bench.checkouts import Run, open_shops, pay
from tests.bench.line import Line
from tests.bench.load import percentile
from tests.bench.ours import Ours
from tests.bench.pictures import Curve, draw_curves

NAME = "end_to_end_per_minute"
REACH = 6_000.0
PAYMENTS, WARM_UP = 2_000, 400
# Checkouts a second that are offered, and for how long.
OFFERED, OFFERED_SECONDS = (10, 20, 40, 60, 80, 100, 120), 10
BEHIND = 0.6  # who settles no more than this share of what is offered is past the knee


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    pay(ours, menus, WARM_UP)
    best = pay(ours, menus, PAYMENTS)
    offered: dict[int, Run] = {}
    for rate in OFFERED:
        offered[rate] = pay(ours, menus, rate * OFFERED_SECONDS, per_second=rate)
        if offered[rate].per_second < BEHIND * rate:
            break  # the knee is behind us
    _draw(offered)
    return Line(
        bench=NAME,
        value=best.per_second * 60,
        unit="payments a minute",
        reach=REACH,
        against={
            "settled_seconds_by_offered_load": {
                str(rate): {
                    "p50": round(percentile(run.settled, 0.5), 2),
                    "p99": round(percentile(run.settled, 0.99), 2),
                }
                for rate, run in offered.items()
            },
            "per_second_by_offered_load": {str(rate): round(run.per_second, 1) for rate, run in offered.items()},
        },
        problems=tuple(problem for run in (best, *offered.values()) for problem in run.problems),
        cpu=best.cpu,
        figures=best.figures(),
    )


def _draw(offered: dict[int, Run]) -> None:
    rates = [float(rate) for rate in offered]
    runs = list(offered.values())
    draw_curves(
        "throughput.svg",
        "Payments settled and told, over the checkouts offered (a second)",
        rates,
        [Curve("settled and told", [run.per_second for run in runs]), Curve("offered", rates)],
    )
    draw_curves(
        "latency.svg",
        "Seconds from checkout to settlement, over the checkouts offered (a second)",
        rates,
        [Curve(f"p{share * 100:g}", [percentile(run.settled, share) for run in runs]) for share in (0.5, 0.95, 0.99)],
    )
