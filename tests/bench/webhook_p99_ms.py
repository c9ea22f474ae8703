"""How long a gateway waits for the answer to its webhook while 300 a second come in, in milliseconds (p99).

Each is a signed event of a payment that waits, so settlement and messages run behind it on the same two cores. They
come at their times, whether the earlier ones were answered or not. The same at other rates gives the curve.
"""

from collections.abc import Mapping, Sequence

from tests.bench.goods import make_buyers, make_shop, make_waiting
from tests.bench.hooks import Captured, signed
from tests.bench.line import Line
from tests.bench.load import Load, Told, percentile
from tests.bench.ours import Ours
from tests.bench.pictures import Curve, draw_curves

NAME = "webhook_p99_ms"
REACH = 100.0
RATE, SECONDS = 300, 20
RATES, RATES_SECONDS = (50, 100, 200, 300, 400), 5
WARM_UP = 50
DISHES = 200


def run(ours: Ours) -> Line:
    dishes = make_shop(ours.database, "INR", dishes=DISHES)
    _send(ours, dishes, WARM_UP, 2)
    told = _send(ours, dishes, RATE, SECONDS)
    by_rate = {rate: _send(ours, dishes, rate, RATES_SECONDS).answers.seconds for rate in RATES}
    _draw(by_rate)
    problems = () if told.answers.failed == 0 else (f"answered {told.answers.counts}",)
    return Line(
        bench=NAME,
        value=1000 * percentile(told.answers.seconds, 0.99),
        unit="ms, p99",
        reach=REACH,
        at_most=True,
        against={
            "p99_ms_by_rate": {str(rate): round(1000 * percentile(one, 0.99), 1) for rate, one in by_rate.items()}
        },
        problems=problems,
        figures={
            "per_second": RATE,
            "webhooks": len(told.answers.seconds),
            "p50_ms": round(1000 * percentile(told.answers.seconds, 0.5), 1),
            "load_cpu_seconds": round(told.cpu_seconds, 2),
        },
    )


def _send(ours: Ours, dishes: list[int], rate: int, seconds: int) -> Told:
    count = rate * seconds
    ours.say(f"{rate} webhooks a second for {seconds} s")
    waiting = make_waiting(ours.database, make_buyers(ours.database, count, "INR"), dishes, "razorpay")
    captured = [Captured(one.transaction, one.reference, one.amount_minor, one.payment) for one in waiting]
    secret = ours.stack.environment["RAZORPAY_WEBHOOK_SECRET"]
    requests = signed(captured, f"{ours.stack.web}/webhooks/razorpay/", secret)
    sent = int(ours.number(_SENT))
    with Load(requests, connections=0, per_second=rate) as load:
        told = load.told()
        ours.wait("customers told", _SENT, sent + count)
    return told


_SENT = "SELECT count(*) FROM notifications_notification WHERE state = 'SENT'"


def _draw(by_rate: Mapping[int, Sequence[float]]) -> None:
    draw_curves(
        "webhooks.svg",
        "Milliseconds until a webhook is answered, over the webhooks a second",
        [float(rate) for rate in by_rate],
        [
            Curve(f"p{share * 100:g}", [1000 * percentile(one, share) for one in by_rate.values()])
            for share in (0.5, 0.95, 0.99)
        ],
    )
