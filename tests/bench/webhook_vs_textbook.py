"""Webhook in → settled → notified, ours against the textbook version: payments a second, as fast as each can.

Both get Razorpay's signed `payment.captured`, once for each payment that waits, from as many connections, and both
send each customer one text message to the same receiver. The clock runs from the first request until the last message
is noted as sent. While one runs the other stands still.
"""

from choptym.local.role import PROJECT
from tests.bench.cpu import Meter
from tests.bench.goods import make_buyers, make_shop, make_waiting
from tests.bench.hooks import Captured, signed
from tests.bench.line import Line
from tests.bench.load import Load
from tests.bench.ours import Ours, wait_until
from tests.bench.textbook.running import SECRET, Textbook

NAME = "webhook_vs_textbook"
REACH = 10.0
DISHES = 200
OURS, THEIRS, WARM_UP = 6_000, 900, 200
CONNECTIONS = 16
# Prefork processes of the textbook; the best of them counts.
TEXTBOOK_WORKERS = (2, 4)


def run(ours: Ours) -> Line:
    _run_ours(ours, WARM_UP)
    our_rate, our_cpu, figures = _run_ours(ours, OURS)
    with ours.frozen():
        theirs = {workers: _run_textbook(ours, workers) for workers in TEXTBOOK_WORKERS}
    best = max(theirs, key=lambda workers: theirs[workers][0])
    return Line(
        bench=NAME,
        value=our_rate / theirs[best][0],
        unit="times the textbook's payments a second",
        reach=REACH,
        against={"textbook_per_second": {str(workers): round(rate, 1) for workers, (rate, _) in theirs.items()}},
        cpu=our_cpu,
        figures={"per_second": round(our_rate, 1), **figures, "textbook_cpu": theirs[best][1]},
    )


def _run_ours(ours: Ours, count: int) -> tuple[float, dict[str, float], dict[str, object]]:
    dishes = make_shop(ours.database, "INR", dishes=DISHES)
    waiting = make_waiting(ours.database, make_buyers(ours.database, count, "INR"), dishes, "razorpay")
    first = waiting[0].payment
    captured = [Captured(one.transaction, one.reference, one.amount_minor, one.payment) for one in waiting]
    secret = ours.stack.environment["RAZORPAY_WEBHOOK_SECRET"]
    before = ours.number("SELECT count(*) FROM notifications_notification WHERE state = 'SENT'")
    with Load(signed(captured, f"{ours.stack.web}/webhooks/razorpay/", secret), connections=CONNECTIONS) as load:
        meter = Meter(ours.stack.pids)
        ours.wait("told", _TOLD, int(before) + count)
        cpu = meter.shares()
        told = load.told()
    ended = ours.number("SELECT extract(epoch FROM max(sent_at)) FROM notifications_notification")
    settled = ours.number(
        "SELECT count(*) FROM payments_payment WHERE id >= %s AND state = 'SETTLED' AND gateway = 'razorpay'", first
    )
    seconds = ended - min(told.answers.began)
    figures = {
        "payments": count,
        "settled": int(settled),
        "answers": told.answers.counts,
        "webhooks_answered_after_seconds": round(told.answers.lasted_seconds, 2),
        "load_cpu_seconds": round(told.cpu_seconds, 2),
    }
    return count / seconds, cpu, figures


_TOLD = "SELECT count(*) FROM notifications_notification WHERE state = 'SENT'"


def _run_textbook(ours: Ours, workers: int) -> tuple[float, dict[str, float]]:
    logs = PROJECT / ".local" / "bench"
    stack = ours.stack
    with Textbook(stack.database_url, stack.redis_url, stack.sink, logs, workers=workers) as textbook:
        _settle_textbook(ours, textbook, WARM_UP)
        return _settle_textbook(ours, textbook, THEIRS)


def _settle_textbook(ours: Ours, textbook: Textbook, count: int) -> tuple[float, dict[str, float]]:
    captured = textbook.make_waiting(count, dishes=DISHES)
    wanted = textbook.told() + count
    with Load(signed(captured, textbook.url, SECRET), connections=CONNECTIONS) as load:
        outside = {name: pid for name, pid in ours.stack.pids.items() if name in {"postgres", "redis", "sink"}}
        meter = Meter({**outside, **textbook.pids})
        wait_until("told by the textbook", textbook.told, wanted, ours.say)
        cpu = meter.shares()
        told = load.told()
    row = textbook.database.execute("SELECT extract(epoch FROM max(sent_at)) FROM textbook_notification").fetchone()
    return count / (float(row[0] if row else 0) - min(told.answers.began)), cpu
