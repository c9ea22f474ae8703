"""The figures as Markdown, for docs/capacity.md and for a terminal."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil

from tests.bench.capacity.figures import Figures
from tests.bench.capacity.need import PROCESSES, SECONDS_A_DAY, calls_of, ends, need
from tests.bench.capacity.points import points

RATES = (100, 1_000, 10_000)


def costs(figures: Figures) -> str:
    """What one payment costs."""
    payment = figures.payment
    rows = [[name, f"{milliseconds:.1f} ms of CPU"] for name, milliseconds in payment.cpu_ms.items()]
    rows += [
        ["all of these", f"{sum(payment.cpu_ms.values()):.1f} ms of CPU"],
        ["sandbox, receiver of messages, load", f"{sum(payment.outside_ms.values()):.1f} ms of CPU, not ours"],
        ["commits that write", f"{payment.commits:.1f}"],
        ["transactions, those that only read too", f"{payment.transactions:.1f}"],
        ["PostgreSQL's log", f"{payment.wal_bytes / 1000:.1f} kB"],
        ["rows, in all tables", f"{sum(payment.rows.values()):.1f}"],
        ["disk, with indexes", f"{payment.disk_bytes / 1000:.1f} kB"],
        ["commands of Redis", f"{payment.redis_commands:.1f}"],
        ["one look at it", f"{sum(figures.look_ms.values()):.1f} ms of CPU"],
        ["a commit, alone", f"{figures.commit['alone_ms']:.1f} ms"],
        ["commits beside others", f"{figures.commit['together_per_second']:,.0f} a second"],
    ]
    return _table(["of one payment", f"seen on {figures.seen}"], rows)


def curve(figures: Figures) -> str:
    """Payments a second over machines, and what was the limit."""
    said = figures.measured["scaling"]
    one = said["per_second"]["1"]
    rows = [
        [
            machines,
            f"{pace:.1f}",
            f"{int(machines) * one:.1f}",
            f"{said['threads_busy'][machines]:.0%}",
            f"{said['cores_busy'][machines]:.0%}",
            said["limit"][machines],
        ]
        for machines, pace in said["per_second"].items()
    ]
    return _table(["machines", "payments a second", "straight", "threads busy", "cores busy", "the limit"], rows)


def knee(figures: Figures) -> str:
    """Who used the cores at the last point of the curve."""
    shares = figures.measured["scaling"]["cores_by_process"]
    machines = sum(share for name, share in shares.items() if name.startswith("machine "))
    others = {name: share for name, share in shares.items() if not name.startswith("machine ")}
    rows = sorted({"all machines": machines, **others}.items(), key=lambda one: -one[1])
    return _table(["process", "cores"], [[name, f"{share:.2f}"] for name, share in rows])


def settling(figures: Figures) -> str:
    """Payments a second of the settling side alone."""
    rows = [[count, f"{pace:,}"] for count, pace in figures.measured["scaling"]["settled_per_second"].items()]
    return _table(["processes that settle", "payments a second"], rows)


def check(figures: Figures) -> str:
    """The model beside what was measured."""
    rows = [
        [point.name, point.unit, f"{point.measured:,.1f}", f"{point.computed:,.1f}", f"{point.apart:+.0%}"]
        for point in points(figures)
    ]
    return _table(["point", "unit", "measured", "computed", "apart"], rows)


def needs(figures: Figures) -> str:
    """What 100, 1,000 and 10,000 payments a second need."""
    found = [need(rate, figures) for rate in RATES]
    rows = [[f"processes: {name}", *(f"{one.processes[name]:,}" for one in found)] for name in PROCESSES]
    rows += [[f"cores: {name}", *(_round(one.cores[name]) for one in found)] for name in figures.payment.cpu_ms]
    rows += [
        ["cores: all", *(_round(one.all_cores) for one in found)],
        ["calls in flight", *(f"{one.in_flight:,.0f}" for one in found)],
        ["transactions a second", *(f"{one.transactions:,.0f}" for one in found)],
        ["commits that write, a second", *(f"{one.commits:,.0f}" for one in found)],
        ["PostgreSQL's log, MB a second", *(_round(one.log_mb) for one in found)],
        ["connections to PostgreSQL, by PgBouncer", *(f"{one.busy_connections:,}" for one in found)],
        ["connections to PgBouncer", *(f"{one.clients:,}" for one in found)],
        ["commands of Redis a second", *(f"{one.redis_commands:,.0f}" for one in found)],
        ["rows a day, in millions", *(f"{one.rows_a_day / 1e6:,.0f}" for one in found)],
        ["disk a day, GB", *(f"{one.disk_gb_a_day:,.0f}" for one in found)],
    ]
    return _table(["for so many payments a second", *(f"{rate:,}" for rate in RATES)], rows)


def shards(figures: Figures) -> str:
    """How many of what there is one of today."""
    most = figures.ends
    found = [need(rate, figures) for rate in RATES]
    rows = [
        ["PostgreSQL, by cores", *(f"{ceil(one.cores['postgresql'] / most['postgresql_cores'])}" for one in found)],
        ["PostgreSQL, by its log", *(f"{ceil(one.log_mb / most['postgresql_log_mb'])}" for one in found)],
        ["PgBouncer", *(f"{ceil(one.transactions / most['pgbouncer_transactions'])}" for one in found)],
        ["Redis", *(f"{ceil(one.cores['redis'] / most['redis_cores'])}" for one in found)],
        ["millions of payments a day", *(f"{rate * SECONDS_A_DAY / 1e6:,.1f}" for rate in RATES)],
        ["partitions of a day's rows, 50 million each", *(f"{ceil(one.rows_a_day / 50e6)}" for one in found)],
    ]
    return _table(["servers, or parts", *(f"{rate:,}" for rate in RATES)], rows)


def gateways(figures: Figures) -> str:
    """Calls that each gateway must take, beside what it allows."""
    share = len(figures.gateways)
    rows = []
    for name, gateway in figures.gateways.items():
        allowed = gateway.documented_per_minute
        rows.append(
            [
                name,
                f"{calls_of(gateway)}",
                *(f"{60 * rate / share * calls_of(gateway):,.0f}" for rate in RATES),
                f"{60 * gateway.our_rate_per_second:,.0f}",
                gateway.documented_call if allowed is None else f"{allowed:,.0f} ({gateway.documented_call})",
            ]
        )
    heads = ["gateway", "calls a payment", *(f"a minute at {rate:,}" for rate in RATES), "our setting", "its documents"]
    return _table(heads, rows)


def limits(figures: Figures) -> str:
    """Where this design ends, first things first."""
    rows = [[f"{_round(end.rate)}", end.part, end.why, end.then] for end in ends(figures)]
    return _table(["payments a second", "what ends", "why", "what is next"], rows)


def _round(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is words, and so is every one that holds some; the rest are figures, to the right."""
    kinds = ["---" if any(not _is_figure(row[column]) for row in rows) else "---:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, kinds, *rows))


def _is_figure(text: str) -> bool:
    return text.lstrip("+-").rstrip("%").replace(",", "").replace(".", "").isdigit()


TABLES: Mapping[str, Callable[[Figures], str]] = {
    "costs": costs,
    "curve": curve,
    "knee": knee,
    "settling": settling,
    "check": check,
    "needs": needs,
    "shards": shards,
    "gateways": gateways,
    "limits": limits,
}
