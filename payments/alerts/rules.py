"""The rules as a table: what is measured, from where on it is an alert, and what to do first.

A threshold of None is set by the reading itself (see figures.py): by a setting, or by what the place is.
"""

from dataclasses import dataclass

RUNBOOKS = "deploy/runbooks"


@dataclass(frozen=True, slots=True)
class Rule:
    """`warning` and `critical` are the first values that are one; with `low_is_bad` the values below them are."""

    name: str
    title: str
    measures: str
    unit: str
    warning: float | None
    critical: float | None
    do_first: str
    low_is_bad: bool = False

    @property
    def runbook(self) -> str:
        return f"{RUNBOOKS}/{self.name}.md"


_ALL = (
    Rule(
        "queue_length",
        "Queue length",
        "payments that wait for their turn at a gateway",
        "payments",
        None,  # PAYMENT_QUEUE_ALERT_THRESHOLD, or what the profile in force says
        1_000,
        "See whether one gateway holds them back (circuits, limits) or all do; then raise what is allowed at once.",
    ),
    Rule(
        "error_rate",
        "Error rate",
        "payments that failed, of those that were settled or failed during the last minutes",
        "%",
        2,
        10,
        "Look at the failure codes of the last failed payments: one gateway, one operator, or ours?",
    ),
    Rule(
        "success_rate",
        "Success rate",
        "payments that were settled, of those that were settled or failed during the last minutes",
        "%",
        95,
        90,
        "As for the error rate: one gateway, one operator, or ours? Send customers elsewhere while it lasts.",
        low_is_bad=True,
    ),
    Rule(
        "processing_time",
        "Processing time",
        "average time from the gateway call to its acceptance",
        "s",
        2,
        30,
        "Find the gateway whose calls are slow, and lower what is allowed there before its calls fill the workers.",
    ),
    Rule(
        "wait_time",
        "Waiting time",
        "average time from checkout to the gateway",
        "s",
        15 * 60,
        20 * 60,
        "See what holds the queue back: a stopped queue, an open circuit, a limit, or too few workers.",
    ),
    Rule(
        "database_connections",
        "Database connections",
        "connections in use, of the most that PostgreSQL allows",
        "%",
        80,
        90,
        "Find who holds them (pg_stat_activity by application_name); stop what is not needed, then lower pool sizes.",
    ),
    Rule(
        "oldest_waiting",
        "Oldest waiting payment",
        "how long the oldest payment of a priority has waited for its turn",
        "s",
        None,  # a third of PAYMENT_EXPIRES_AFTER_SECONDS, and two thirds
        None,
        "Open the oldest queued payment: its story says what it waits for.",
    ),
    Rule(
        "lease_overdue",
        "Leases overdue",
        "rows that were due minutes ago and that nobody has taken up",
        "rows",
        1,
        100,
        "See that beat and the workers run: every such row is found by a sweeper within seconds.",
    ),
    Rule(
        "circuit_open",
        "Circuit open",
        "a gateway, or one operator at it, that is left alone because its charges fail",
        "",
        None,  # an operator's
        None,  # a whole gateway's
        "Ask the gateway's status page and its support. Payments wait or go elsewhere; nothing is lost.",
    ),
    Rule(
        "worker_silent",
        "Worker silent",
        "how long a worker has left its canary unanswered, or a queue has had no worker",
        "s",
        None,  # WORKER_SILENT_AFTER_SECONDS
        None,
        "Look at the process: is it there, what does it wait for? Restart it with SIGTERM; nothing is lost.",
    ),
    Rule(
        "books",
        "Books",
        "places where the last proof of the books found a break, or how old it is",
        "",
        None,  # what is overdue or set aside, or a proof that is late
        None,  # anything else
        "Run `manage.py prove_money`: it names every break. Change nothing in the ledger by hand.",
    ),
    Rule(
        "reconciliation",
        "Reconciliation",
        "open breaks with a gateway's own lists, or how old its last whole day is",
        "",
        None,
        None,
        "Open the breaks in the admin; for an old day look at why its list was not to be had.",
    ),
    Rule(
        "redis_memory",
        "Redis memory",
        "memory that Redis uses, of what it may",
        "%",
        60,
        80,
        "Look which queue grows (queue status), and give Redis more memory. Never let it evict keys.",
    ),
    Rule(
        "captured_without_outcome",
        "Captured money without outcome",
        "payments that a gateway has collected and that are no order, wallet credit or refund after the set time",
        "places",
        None,
        None,
        "Open the list in the admin and decide each: review, replay, or find whose it is.",
    ),
    Rule(
        "refund_overdue",
        "Refunds overdue",
        "refunds that were promised and have not been given within the set time",
        "refunds",
        1,
        20,
        "Open the refunds that need a person; resolve those whose gateway's own pages tell their end.",
    ),
    Rule(
        "messages_untold",
        "Messages untold",
        "messages to customers that were given up within a day, or were tried in vain for ten minutes and still wait",
        "messages",
        None,  # for each kind another: see figures.py
        1_000,
        "Read the problem of such messages: is a provider away, or an address in the settings wrong? Mend that first.",
    ),
    Rule(
        "queue_stopped",
        "Queue stopped",
        "how long the queue has been stopped or drained by a person",
        "s",
        10 * 60,
        None,
        "Ask who stopped it (audit log) whether the reason still holds; else resume.",
    ),
)

RULES = {rule.name: rule for rule in _ALL}


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure at a place. `warning` and `critical` where the rule leaves them open; `said` in place of the number."""

    place: str
    value: float
    said: str = ""
    warning: float | None = None
    critical: float | None = None
