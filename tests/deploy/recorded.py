"""Recorded series for every rule: some that fire it, some that come close and do not."""

from tests.deploy.rules import Case

ENDED = 'choptym_payments_ended_total{gateway="fapshi",priority="1",state="%s",instance="%s"}'
PROCESSING = 'choptym_payment_processing_seconds_%s{gateway="fapshi",instance="%s"}'
WAIT = 'choptym_payment_wait_seconds_%s{gateway="fapshi",priority="1",instance="%s"}'
QUEUED = 'choptym_payments{gateway="%s",priority="1",state="QUEUED",instance="%s"}'
CONNECTIONS = 'choptym_database_connections{kind="%s",instance="web-1"}'
MEMORY = 'choptym_redis_memory_bytes{kind="%s",instance="web-1"}'


def _ended(settled: int, failed: int) -> dict[str, str]:
    """So many a minute, told by two processes: they must not be added up."""
    return {
        ENDED % (state, instance): f"0+{number}x20"
        for state, number in (("SETTLED", settled), ("FAILED", failed))
        for instance in ("web-1", "web-2")
    }


def _average(name: str, seconds: float) -> dict[str, str]:
    """Of two workers, ten payments a minute each."""
    return {name % (part, at): f"0+{step}x20" for at in "ab" for part, step in (("sum", 10 * seconds), ("count", 10))}


def _queued(fapshi: int, campay: int) -> dict[str, str]:
    """The same figures from two processes."""
    return {QUEUED % (name, at): f"{n}x20" for name, n in (("fapshi", fapshi), ("campay", campay)) for at in "ab"}


def _share(name: str, used: int) -> dict[str, str]:
    return {name % "used": f"{used}x20", name % "max": "100x20"}


CASES = (
    Case("all is well", {}),
    Case("a hundred in all are not too many", _queued(60, 40)),
    Case("a few more are", _queued(61, 40), ("queue_length warning",)),
    Case("not in a flash sale", {**_queued(300, 200), 'choptym_profile{profile="flash_sale"}': "1x20"}),
    Case(
        "but more than five hundred are",
        {**_queued(300, 201), 'choptym_profile{profile="flash_sale"}': "1x20"},
        ("queue_length warning",),
    ),
    Case(
        "and another profile is none",
        {**_queued(101, 0), 'choptym_profile{profile="weekend"}': "1x20"},
        ("queue_length warning",),
    ),
    Case("thousands are a queue", _queued(1000, 1), ("queue_length warning", "queue_length critical")),
    Case("a moment is no queue", {QUEUED % ("fapshi", "a"): "0x13 2000 0x5"}, minutes=14),
    Case("two in a hundred fail", _ended(98, 2)),
    Case("three in a hundred", _ended(97, 3), ("error_rate warning",)),
    Case("six in a hundred", _ended(94, 6), ("error_rate warning", "success_rate warning")),
    Case(
        "eleven in a hundred",
        _ended(89, 11),
        ("error_rate warning", "error_rate critical", "success_rate warning", "success_rate critical"),
    ),
    Case(
        "all fail, and nothing was ever settled",
        {ENDED % ("FAILED", "web-1"): "0+10x20"},
        ("error_rate warning", "error_rate critical", "success_rate warning", "success_rate critical"),
    ),
    Case(
        "of three payments one fails", {ENDED % ("SETTLED", "web-1"): "1x20", ENDED % ("FAILED", "web-1"): "0x12 1x7"}
    ),
    Case("two seconds are allowed", _average(PROCESSING, 2)),
    Case("three seconds", _average(PROCESSING, 3), ("processing_time warning",)),
    Case("half a minute", _average(PROCESSING, 31), ("processing_time warning", "processing_time critical")),
    Case("a quarter of an hour of waiting is allowed", _average(WAIT, 900)),
    Case("more is not", _average(WAIT, 901), ("wait_time warning",)),
    Case("twenty minutes", _average(WAIT, 1201), ("wait_time warning", "wait_time critical")),
    Case("eighty connections of a hundred", _share(CONNECTIONS, 80)),
    Case("eighty-one", _share(CONNECTIONS, 81), ("database_connections warning",)),
    Case("ninety-one", _share(CONNECTIONS, 91), ("database_connections warning", "database_connections critical")),
    Case(
        "the database does not answer",
        {"choptym_database_up": "1x10 0x10"},
        ("database_connections critical",),
    ),
    Case("one process cannot reach it", {'choptym_database_up{instance="web-2"}': "0x20"}),
    Case(
        "nobody tells anything",
        {},
        ("database_connections critical", "worker_silent critical"),
        well=False,
    ),
    Case("ten minutes in the queue", {'choptym_queue_oldest_seconds{priority="3"}': "600x20"}),
    Case(
        "more for one priority",
        {'choptym_queue_oldest_seconds{priority="1"}': "601x20", 'choptym_queue_oldest_seconds{priority="3"}': "1x20"},
        ("oldest_waiting warning priority=1",),
    ),
    Case(
        "twenty minutes for one",
        {'choptym_queue_oldest_seconds{priority="3"}': "1201x20"},
        ("oldest_waiting warning priority=3", "oldest_waiting critical priority=3"),
    ),
    Case("a lease that is taken up at once", {"choptym_leases_overdue": "0x13 1 0x5"}),
    Case("one that stays", {"choptym_leases_overdue": "1x20"}, ("lease_overdue warning",)),
    Case(
        "a hundred that stay", {"choptym_leases_overdue": "100x20"}, ("lease_overdue warning", "lease_overdue critical")
    ),
    Case(
        "closed circuits",
        {
            'choptym_circuit_open{gateway="fapshi",operator="mtn"}': "0x20",
            'choptym_circuit_open{gateway="fapshi",operator=""}': "0x20",
        },
    ),
    Case(
        "an operator's, on trial",
        {'choptym_circuit_open{gateway="fapshi",operator="mtn"}': "0.5x20"},
        ("circuit_open warning gateway=fapshi operator=mtn",),
    ),
    Case(
        "a gateway's",
        {'choptym_circuit_open{gateway="campay",operator=""}': "1x20"},
        ("circuit_open critical gateway=campay",),
    ),
    Case("a worker that answered a minute ago", {'choptym_worker_canary_age_seconds{worker="charge@a"}': "60x20"}),
    Case(
        "one that did not",
        {'choptym_worker_canary_age_seconds{worker="charge@a"}': "61x20"},
        ("worker_silent warning worker=charge@a",),
    ),
    Case("one that makes a report", {'choptym_worker_canary_age_seconds{worker="reports@a"}': "800x20"}),
    Case(
        "one that has made it for too long",
        {'choptym_worker_canary_age_seconds{worker="reports@a"}': "901x20"},
        ("worker_silent warning worker=reports@a",),
    ),
    Case(
        "a process that is gone",
        {'up{job="web",instance="web-2:8000"}': "1x10 0x9"},
        ("worker_silent warning instance=web-2:8000 job=web",),
    ),
    Case("rules that are looked at", {'choptym_alerts_checked_age_seconds{group="all"}': "45x20"}),
    Case(
        "rules that nobody looks at",
        {'choptym_alerts_checked_age_seconds{group="all"}': "121x20"},
        ("worker_silent critical",),
    ),
    Case(
        "books that balance",
        {'choptym_books_breaks{kind="two_captures"}': "0x20", "choptym_books_proof_age_seconds": "1800x20"},
    ),
    Case("somebody is late", {'choptym_books_breaks{kind="overdue"}': "1x20"}, ("books warning kind=overdue",)),
    Case(
        "books that do not balance",
        {'choptym_books_breaks{kind="two_captures"}': "1x20"},
        ("books critical kind=two_captures",),
    ),
    Case("a proof that is late", {"choptym_books_proof_age_seconds": "1801x20"}, ("books warning",)),
    Case("no proof", {"choptym_books_proof_age_seconds": "7201x20"}, ("books warning", "books critical")),
    Case(
        "days that agree",
        {
            'choptym_reconciliation_open_breaks{gateway="fapshi",kind="FEE"}': "0x20",
            'choptym_reconciliation_age_seconds{gateway="fapshi"}': "129600x20",
        },
    ),
    Case(
        "a line that does not",
        {'choptym_reconciliation_open_breaks{gateway="fapshi",kind="FEE"}': "1x20"},
        ("reconciliation warning gateway=fapshi",),
    ),
    Case(
        "three days without a list",
        {'choptym_reconciliation_age_seconds{gateway="campay"}': "259201x20"},
        ("reconciliation warning gateway=campay", "reconciliation critical gateway=campay"),
    ),
    Case("Redis at sixty per cent", _share(MEMORY, 60)),
    Case("above it", _share(MEMORY, 61), ("redis_memory warning",)),
    Case("nearly full", _share(MEMORY, 81), ("redis_memory warning", "redis_memory critical")),
    Case("no money without an outcome", {'choptym_captured_without_outcome{kind="set_aside"}': "0x20"}),
    Case(
        "money that is nobody's",
        {'choptym_captured_without_outcome{kind="unclaimed"}': "2x20"},
        ("captured_without_outcome warning kind=unclaimed",),
    ),
    Case(
        "money that became nothing",
        {'choptym_captured_without_outcome{kind="set_aside"}': "1x20"},
        ("captured_without_outcome critical kind=set_aside",),
    ),
    Case("a refund in time", {'choptym_captured_without_outcome{kind="refund_waiting"}': "0x20"}),
    Case(
        "a refund that waits",
        {'choptym_captured_without_outcome{kind="refund_waiting"}': "1x20"},
        ("refund_overdue warning",),
    ),
    Case(
        "twenty of them",
        {'choptym_captured_without_outcome{kind="refund_waiting"}': "20x20"},
        ("refund_overdue warning", "refund_overdue critical"),
    ),
    Case("stopped for a while", {'choptym_queue_mode{gateway="fapshi"}': "0x7 1x12"}),
    Case(
        "drained for longer",
        {'choptym_queue_mode{gateway="fapshi"}': "0.5x20"},
        ("queue_stopped warning gateway=fapshi",),
    ),
    Case("a few messages that are tried again", {'choptym_messages_untold{kind="tried_in_vain"}': "99x20"}),
    Case(
        "more of them",
        {'choptym_messages_untold{kind="tried_in_vain"}': "100x20"},
        ("messages_untold warning kind=tried_in_vain",),
    ),
    Case("two by a way that nothing goes", {'choptym_messages_untold{kind="nothing_goes"}': "2x20"}),
    Case(
        "three by it",
        {'choptym_messages_untold{kind="nothing_goes"}': "3x20"},
        ("messages_untold warning kind=nothing_goes",),
    ),
    Case("a few that were given up", {'choptym_messages_untold{kind="given_up"}': "19x20"}),
    Case(
        "twenty that were",
        {'choptym_messages_untold{kind="given_up"}': "20x20"},
        ("messages_untold warning kind=given_up",),
    ),
    Case(
        "a thousand that were",
        {'choptym_messages_untold{kind="given_up"}': "1000x20"},
        ("messages_untold warning kind=given_up", "messages_untold critical kind=given_up"),
    ),
)
