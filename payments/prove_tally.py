"""The tally against the payments themselves, counted whole."""

# One row for every break, as text for the reader.
CHECKS = {
    "tally": """
        SELECT format('%s %s payments of priority %s %s: the tally says %s, there are %s', gateway, state, priority,
                      CASE WHEN was_retried THEN 'that were tried again' ELSE 'tried once' END,
                      coalesce(told.count, 0), coalesce(there.count, 0))
        FROM (
            SELECT gateway, priority, state, was_retried, sum(count) AS count FROM (
                SELECT gateway, priority, state, was_retried, count FROM payments_tally
                UNION ALL
                SELECT gateway, priority, state, was_retried, change FROM payments_tallystep
            ) told GROUP BY gateway, priority, state, was_retried
        ) told
        FULL JOIN (
            SELECT gateway, priority, state, attempts_made > 1 AS was_retried, count(*) AS count
            FROM payments_payment WHERE finished_at IS NOT NULL
            GROUP BY gateway, priority, state, attempts_made > 1
        ) there USING (gateway, priority, state, was_retried)
        WHERE coalesce(told.count, 0) <> coalesce(there.count, 0)
    """,
}
