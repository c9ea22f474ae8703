"""The only place that locks the tally. Nothing else of ours is locked with it."""

from django.db import connection


def fold_steps(limit: int) -> int:
    """Move up to `limit` steps into the totals, and say how many they were. Commits by itself.

    One statement: whoever reads sees a step either as a step or in its total. Two that fold at once take different
    steps, and come to the totals in the same order.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM payments_tallystep ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
            ), taken AS (
                DELETE FROM payments_tallystep step USING due WHERE step.id = due.id
                RETURNING gateway, priority, state, was_retried, change
            ), folded AS (
                INSERT INTO payments_tally AS total (gateway, priority, state, was_retried, count, entered)
                SELECT gateway, priority, state, was_retried, sum(change), count(*) FILTER (WHERE change > 0)
                FROM taken GROUP BY gateway, priority, state, was_retried
                ORDER BY gateway, priority, state, was_retried
                ON CONFLICT (gateway, priority, state, was_retried)
                DO UPDATE SET count = total.count + excluded.count, entered = total.entered + excluded.entered
            )
            SELECT count(*) FROM taken
            """,
            [limit],
        )
        return int(cursor.fetchone()[0])
