"""Payments: priorities, retries, batches, deadlines. Durations carry their unit in the name."""

from choptym.settings import env

MAX_CONCURRENT_PAYMENTS = env.integer("MAX_CONCURRENT_PAYMENTS", 10, minimum=1, maximum=10_000)
# How many payments a worker has in hand at a time. More than may charge at once: who finds every slot taken puts its
# payment off, so that a crowd for one gateway does not stand before the payments of another (INV-9). And as many as the
# busiest profile charges (payments/profiles.py): the limit may be raised while all is running.
CHARGE_THREADS = env.integer("CHARGE_THREADS", max(100, MAX_CONCURRENT_PAYMENTS) * 5 // 4, minimum=4, maximum=12_500)
PAYMENT_RETRY_ATTEMPTS = env.integer("PAYMENT_RETRY_ATTEMPTS", 3, minimum=1, maximum=10)
PAYMENT_RETRY_DELAY_MS = env.integer("PAYMENT_RETRY_DELAY", 5000, minimum=0, maximum=600_000)
PAYMENT_BATCH_SIZE = env.integer("PAYMENT_BATCH_SIZE", 50, minimum=1, maximum=1000)
PAYMENT_QUEUE_MONITORING = env.flag("PAYMENT_QUEUE_MONITORING", default=True)
PAYMENT_QUEUE_ALERT_THRESHOLD = env.integer("PAYMENT_QUEUE_ALERT_THRESHOLD", 100, minimum=1)
PAYMENT_QUEUE_CLEANUP_INTERVAL_MS = env.integer("PAYMENT_QUEUE_CLEANUP_INTERVAL", 3_600_000, minimum=1000)

# Profiles by clock and load (payments/profiles.py), and the control loop. Off: the figures above hold.
PAYMENT_PROFILES = env.flag("PAYMENT_PROFILES", default=True)
# A figure that is set is the operator's word: no profile changes it, and the loop does not go above it.
PAYMENT_FIGURES_GIVEN = frozenset(
    name
    for name in (
        "MAX_CONCURRENT_PAYMENTS",
        "PAYMENT_BATCH_SIZE",
        "PAYMENT_RETRY_ATTEMPTS",
        "PAYMENT_QUEUE_ALERT_THRESHOLD",
        "PAYMENT_QUEUE_CLEANUP_INTERVAL",
    )
    if env.is_given(name)
)

# In minor units: above `high` priority 3, from `medium` on priority 2, below it priority 1.
PAYMENT_PRIORITY_THRESHOLDS = {
    "XAF": {"medium": 5_000, "high": 10_000},
    "INR": {"medium": 70_000, "high": 140_000},  # 700.00 and 1,400.00 INR
}

# How long a customer has to approve before the reserved stock is freed. Money that comes later is still honoured.
PAYMENT_EXPIRES_AFTER_SECONDS = env.integer("PAYMENT_EXPIRES_AFTER_SECONDS", 1800, minimum=5)
# How long we go on asking about a payment that may still be paid after it expired (the gateways' pages say 48 h).
PAYMENT_WATCHED_FOR_SECONDS = env.integer("PAYMENT_WATCHED_FOR_SECONDS", 48 * 3600, minimum=60)
# How long after its order was cancelled late money still takes the order up again; 0: never, it goes into the wallet.
PAYMENT_LATE_ORDER_WITHIN_SECONDS = env.integer("PAYMENT_LATE_ORDER_WITHIN_SECONDS", 1800, minimum=0)
# Captured money that has no outcome after this long (order, wallet or refund) is counted and told of.
PAYMENT_OUTCOME_WITHIN_SECONDS = env.integer("PAYMENT_OUTCOME_WITHIN_SECONDS", 3600, minimum=60)
# A charge that has not reported back after this long died; it outlives the total deadline of a call.
PAYMENT_LEASE_SECONDS = env.integer("PAYMENT_LEASE_SECONDS", 45, minimum=5)
# A payment that is still queued after this long goes first at its gateway, in turns with high ones.
PAYMENT_WAITED_LONG_SECONDS = env.integer("PAYMENT_WAITED_LONG_SECONDS", 30, minimum=1, maximum=3600)

# When a gateway, or one operator at it, is left alone: more than half of the charges within the window failed, and
# there were enough of them. After this long one charge is tried.
PAYMENT_CIRCUIT_WINDOW_SECONDS = env.integer("PAYMENT_CIRCUIT_WINDOW_SECONDS", 60, minimum=1, maximum=3600)
PAYMENT_CIRCUIT_LEAST_CALLS = env.integer("PAYMENT_CIRCUIT_LEAST_CALLS", 10, minimum=1)
PAYMENT_CIRCUIT_OPEN_SECONDS = env.integer("PAYMENT_CIRCUIT_OPEN_SECONDS", 60, minimum=1, maximum=3600)
# Whether a payment that waits at a gateway whose circuit is open goes to the next one.
PAYMENT_FAILOVER = env.flag("PAYMENT_FAILOVER", default=True)
# The gateways for a customer who chose none, in order: by the operator of the phone, else by the currency. Then the
# rest, as they stand in GATEWAYS.
PAYMENT_ROUTES = {
    "mtn": env.words("PAYMENT_ROUTE_MTN", ""),
    "orange": env.words("PAYMENT_ROUTE_ORANGE", ""),
    "XAF": env.words("PAYMENT_ROUTE_XAF", ""),
    "INR": env.words("PAYMENT_ROUTE_INR", ""),
}
# So many days, each once a day, are held against the gateways' own lists: states and settlements come late.
RECONCILE_DAYS = env.integer("RECONCILE_DAYS", 3, minimum=1, maximum=31)
# A comparison that has not gone on for this long died. It is extended after each call, but not while it mends.
RECONCILE_LEASE_SECONDS = env.integer("RECONCILE_LEASE_SECONDS", 120, minimum=5)

# What one order may hold.
ORDER_MAX_QUANTITY = 100
ORDER_MAX_LINES = 50
ORDER_MAX_AMOUNT_MINOR = 100_000_000

# How long the pictures of the dashboard reach back.
SAMPLES_KEPT_FOR_HOURS = env.integer("SAMPLES_KEPT_FOR_HOURS", 48, minimum=1, maximum=24 * 31)
WEBHOOK_MAX_BYTES = 64 * 1024

# The sandbox of a local stack; prove_money compares with its books. Empty everywhere else.
SANDBOX_URL = env.url("SANDBOX_URL", "")
