"""How many payments stand where, at one moment and without looking at those that have ended."""

from dataclasses import dataclass, field

from django.db import connection

from payments.states import WAITING_STATES

# Written out, so that PostgreSQL sees that a partial index has them all.
_WAITING = ", ".join(f"'{state}'" for state in WAITING_STATES)

COUNTS = f"""
    SELECT gateway, priority, state, sum(count), coalesce(sum(count) FILTER (WHERE was_retried), 0), sum(entered)
    FROM (
        SELECT gateway, priority, state, was_retried, count, entered FROM payments_tally
        UNION ALL
        SELECT gateway, priority, state, was_retried, change, CASE WHEN change > 0 THEN 1 ELSE 0 END
        FROM payments_tallystep
        UNION ALL
        SELECT gateway, priority, state, attempts_made > 1, 1, 0 FROM payments_payment WHERE state IN ({_WAITING})
    ) places
    GROUP BY gateway, priority, state
"""  # noqa: S608 - the names of states are ours


@dataclass(frozen=True, slots=True)
class Counts:
    """How many payments stand where, per (gateway, priority); `entered` counts every end, also one that was not the
    last: it only grows."""

    by_state: dict[tuple[str, int, str], int] = field(default_factory=dict)
    retried: dict[tuple[str, int], int] = field(default_factory=dict)
    entered: dict[tuple[str, int, str], int] = field(default_factory=dict)

    def total(self, *states: str, gateway: str | None = None, priority: int | None = None) -> int:
        return sum(
            count
            for (name, level, state), count in self.by_state.items()
            if state in states and gateway in {None, name} and priority in {None, level}
        )

    def retries(self, *, gateway: str | None = None, priority: int | None = None) -> int:
        return sum(
            count
            for (name, level), count in self.retried.items()
            if gateway in {None, name} and priority in {None, level}
        )


def read_counts() -> Counts:
    """One statement, so one moment. Its cost grows with what waits and with what is not folded, not with history."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        rows = [(gateway, priority, state, *map(int, figures)) for gateway, priority, state, *figures in cursor]
    retried: dict[tuple[str, int], int] = {}
    for gateway, priority, _, _, count, _ in rows:
        retried[gateway, priority] = retried.get((gateway, priority), 0) + count
    return Counts(
        by_state={(gateway, priority, state): count for gateway, priority, state, count, *_ in rows if count},
        retried=retried,
        entered={(gateway, priority, state): entered for gateway, priority, state, *_, entered in rows if entered},
    )
