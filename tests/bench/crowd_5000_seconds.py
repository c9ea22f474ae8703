"""5,000 customers press "pay" within 30 s, and gateways take 2 to 5 s for a call: seconds until all of them have paid.

They pay in Cameroon, where one call charges. Razorpay and Cashfree take two, and 300 charges in flight of all four
gateways in equal parts are 57 a second: 5,000 take 88 s then, however fast we are.
Each looks at their payment as often as they are told to. No error may be shown, and no look may take a second (p99).
"""

from tests.bench.checkouts import open_shops, pay
from tests.bench.line import Line
from tests.bench.load import percentile
from tests.bench.ours import Ours

NAME = "crowd_5000_seconds"
REACH = 90.0
CROWD, PRESS_SECONDS, WARM_UP = 5_000, 30, 200
SLOWEST_LOOK_SECONDS = 1.0
CAMEROON = ("fapshi", "campay")
SETTINGS = {
    "MAX_CONCURRENT_PAYMENTS": "300",
    # Half of the charges at each, and as many questions; and connections of a process for them.
    **{f"{gateway.upper()}_POOL_SIZE": "300" for gateway in CAMEROON},
    **{f"{gateway.upper()}_MAX_CONCURRENT": "300" for gateway in CAMEROON},
}


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    # From the first call on: a gateway that turns slow all of a sudden is spared at first (docs/adr/0026).
    for gateway in CAMEROON:
        ours.control("PATCH", gateway, {"latency_ms": 2_000, "latency_jitter_ms": 3_000})
    pay(ours, menus, WARM_UP, gateways=CAMEROON)
    crowd = pay(ours, menus, CROWD, per_second=CROWD / PRESS_SECONDS, follows=True, gateways=CAMEROON)
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
