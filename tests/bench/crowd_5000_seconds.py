"""5,000 customers press "pay" within 30 s, and gateways take 2 to 5 s for a call: seconds until all of them have paid.

Each looks at their payment as often as they are told to. No error may be shown, and no look may take a second (p99).
"""

from tests.bench.checkouts import GATEWAYS, open_shops, pay
from tests.bench.line import Line
from tests.bench.load import percentile
from tests.bench.ours import Ours

NAME = "crowd_5000_seconds"
REACH = 90.0
CROWD, PRESS_SECONDS, WARM_UP = 5_000, 30, 200
SLOWEST_LOOK_SECONDS = 1.0
SETTINGS = {
    "MAX_CONCURRENT_PAYMENTS": "300",
    # Connections of a process to each gateway: as many as may be in flight there.
    **{f"{gateway.upper()}_POOL_SIZE": "150" for gateway in GATEWAYS},
    **{f"{gateway.upper()}_MAX_CONCURRENT": "150" for gateway in GATEWAYS},
}


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    # From the first call on: a gateway that turns slow all of a sudden is spared at first (docs/adr/0026).
    for gateway in GATEWAYS:
        ours.control("PATCH", gateway, {"latency_ms": 2_000, "latency_jitter_ms": 3_000})
    pay(ours, menus, WARM_UP)
    crowd = pay(ours, menus, CROWD, per_second=CROWD / PRESS_SECONDS, follows=True)
    look = percentile(crowd.load.reads.seconds, 0.99)
    problems = list(crowd.problems)
    if look >= SLOWEST_LOOK_SECONDS:
        problems.append(f"a look took {look:.2f} s (p99)")
    if dict(crowd.load.ends) != {"SETTLED": CROWD}:
        problems.append(f"customers saw {dict(crowd.load.ends)}")
    return Line(
        bench=NAME,
        value=crowd.settled_after_seconds,
        unit="s until the last is settled",
        reach=REACH,
        at_most=True,
        against={"pressed_within_seconds": round(max(crowd.load.answers.began) - min(crowd.load.answers.began), 1)},
        problems=tuple(problems),
        cpu=crowd.cpu,
        figures={
            **crowd.figures(),
            "looks": len(crowd.load.reads.seconds),
            "look_p50_ms": round(1000 * percentile(crowd.load.reads.seconds, 0.5), 1),
            "look_p99_ms": round(1000 * look, 1),
        },
    )
