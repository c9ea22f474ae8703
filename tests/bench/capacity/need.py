"""What so many payments a second need, and at which rate each part of this design ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from tests.bench.capacity.figures import Figures, Gateway

SECONDS_A_DAY = 86_400
# A payment's transactions are short and come unevenly: so many times the connections that are busy on average.
CONNECTIONS_FOR_PEAKS = 3
# Threads beside the calls in flight, so that who is turned away keeps nobody waiting (choptym/local/roles.py).
MORE_THREADS = 1.25
# Of ours, in the order of the path; each process has one core at most.
PROCESSES = ("web", "charge", "confirm", "notify")


@dataclass(frozen=True, slots=True)
class Need:
    """For `rate` payments a second, the gateways in equal parts. Days are taken as if it went on around the clock."""

    rate: float
    processes: dict[str, int]
    cores: dict[str, float]
    in_flight: float
    commits: float
    transactions: float
    log_mb: float
    busy_connections: int
    clients: int
    redis_commands: float
    rows_a_day: float
    disk_gb_a_day: float

    @property
    def all_cores(self) -> float:
        return sum(self.cores.values())


def need(rate: float, figures: Figures) -> Need:
    payment, ends = figures.payment, figures.ends
    busy = {name: rate * milliseconds / 1000 for name, milliseconds in payment.cpu_ms.items()}
    in_flight = rate * _call_seconds(figures)
    processes = {name: max(1, ceil(busy[name] / ends["busy_share"])) for name in PROCESSES}
    processes["charge"] = max(processes["charge"], ceil(in_flight * MORE_THREADS / ends["threads_a_process"]))
    in_database = rate * (payment.cpu_ms["postgresql"] + payment.commits * figures.commit["alone_ms"]) / 1000
    return Need(
        rate=rate,
        processes=processes,
        cores={name: seconds / ends["busy_share"] for name, seconds in busy.items()},
        in_flight=in_flight,
        commits=rate * payment.commits,
        transactions=rate * payment.transactions,
        log_mb=rate * payment.wal_bytes / 1e6,
        busy_connections=max(5, ceil(CONNECTIONS_FOR_PEAKS * in_database)),
        clients=int(sum(processes.values()) * ends["pool_a_process"]),
        redis_commands=rate * payment.redis_commands,
        rows_a_day=rate * sum(payment.rows.values()) * SECONDS_A_DAY,
        disk_gb_a_day=rate * payment.disk_bytes * SECONDS_A_DAY / 1e9,
    )


def _call_seconds(figures: Figures) -> float:
    """That one payment is in flight."""
    calls = [gateway.calls for gateway in figures.gateways.values()]
    return sum(calls) / len(calls) * figures.ends["call_seconds"]


@dataclass(frozen=True, slots=True)
class End:
    """At so many payments a second, all gateways together, this part can do no more; then that is next."""

    rate: float
    part: str
    why: str
    then: str


def ends(figures: Figures) -> list[End]:
    """Those that come first, first."""
    return sorted((*_gateway_ends(figures), *_own_ends(figures), *_server_ends(figures)), key=lambda end: end.rate)


def _gateway_ends(figures: Figures) -> Sequence[End]:
    found = []
    share = len(figures.gateways)
    for name, gateway in figures.gateways.items():
        if gateway.documented_per_minute:
            per_second = gateway.documented_per_minute / 60
            why = f"its documents: {gateway.documented_call}"
            found.append(End(per_second * share, name, why, "have its limit raised; send from several addresses"))
        why = f"our own setting: {gateway.our_rate_per_second:g} calls a second, {calls_of(gateway)} for a payment"
        then = f"`{name.upper()}_RATE_PER_SECOND`, once the gateway has agreed"
        found.append(End(gateway.our_rate_per_second / calls_of(gateway) * share, name, why, then))
    return found


def calls_of(gateway: Gateway) -> int:
    return gateway.calls + gateway.questions


def _own_ends(figures: Figures) -> Sequence[End]:
    ends = figures.ends
    return [
        End(
            ends["most_in_flight"] / _call_seconds(figures),
            "calls in flight",
            f"the fastest profile: {ends['most_in_flight']:g} at a time, calls of {ends['call_seconds']:g} s",
            "`MAX_CONCURRENT_PAYMENTS`, and threads for it",
        ),
        End(
            1000 / ends["hot_row_ms"],
            "one hot dish",
            f"its row is held {ends['hot_row_ms']:g} ms by every checkout that has it",
            "its stock in several rows, or taken in batches",
        ),
    ]


def _server_ends(figures: Figures) -> Sequence[End]:
    """Of what there is one of."""
    payment, ends = figures.payment, figures.ends
    whole = ends["busy_share"] * 1000
    return [
        End(
            ends["redis_cores"] * whole / payment.cpu_ms["redis"],
            "Redis",
            f"{payment.cpu_ms['redis']:.2g} ms of its one core for a payment",
            "one for the queue, one for limits and counts; then one of each for every shard",
        ),
        End(
            ends["pgbouncer_transactions"] / payment.transactions,
            "PgBouncer",
            f"{payment.transactions:.1f} transactions for a payment, {ends['pgbouncer_transactions']:,.0f} a second",
            "several of them behind one port (`so_reuseport`)",
        ),
        End(
            figures.commit["together_per_second"] / payment.commits,
            "commits of the disk that was measured",
            f"{figures.commit['together_per_second']:,.0f} a second beside others, {payment.commits:.1f} for a payment",
            "a disk of a server; more rows in a commit",
        ),
        End(
            ends["postgresql_cores"] * whole / payment.cpu_ms["postgresql"],
            "PostgreSQL's cores",
            f"{payment.cpu_ms['postgresql']:.2g} ms for a payment, a server of {ends['postgresql_cores']:g} cores",
            "shards by customer",
        ),
        End(
            ends["postgresql_log_mb"] * 1e6 / payment.wal_bytes,
            "PostgreSQL's log",
            f"{payment.wal_bytes / 1000:.1f} kB for a payment, {ends['postgresql_log_mb']:g} MB a second",
            "shards by customer",
        ),
    ]
