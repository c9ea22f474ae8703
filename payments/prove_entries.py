"""The proof of entries that no payment's settlement explains: credits of staff, and fees."""

# Each query returns one row for every break, as text for the reader.
CHECKS = {
    # A credit is somebody's act, or a line of a bulk file: of each customer and amount there are as many.
    "credit_unfounded": """
        WITH booked AS (
            SELECT account.user_id, entry.amount_minor, entry.currency, count(*) AS number
            FROM wallets_entry entry JOIN wallets_account account ON account.id = entry.credit_id
            WHERE entry.reason LIKE 'credit:%'
              AND NOT EXISTS (SELECT 1 FROM audit_act act WHERE act.verb = 'credit_wallet'
                              AND act.about = 'customer:' || account.user_id
                              AND 'credit:' || (act.details ->> 'key') = entry.reason)
            GROUP BY 1, 2, 3
        ), done AS (
            SELECT user_id, amount_minor, currency, count(*) AS number FROM payments_bulkline
            WHERE user_id IS NOT NULL AND state = 'DONE' GROUP BY 1, 2, 3
        )
        SELECT format('customer %s: %s credits of %s %s without an act of staff, %s lines of bulk files', user_id,
                      coalesce(booked.number, 0), amount_minor, currency, coalesce(done.number, 0))
        FROM booked FULL JOIN done USING (user_id, amount_minor, currency)
        WHERE booked.number IS DISTINCT FROM done.number
    """,
    "fee_not_as_told": """
        WITH booked AS (
            SELECT split_part(entry.reason, ':', 2)::bigint AS payment_id,
                   sum(CASE WHEN debit.name LIKE 'fees:%' THEN entry.amount_minor ELSE -entry.amount_minor END) AS fee
            FROM wallets_entry entry JOIN wallets_account debit ON debit.id = entry.debit_id
            WHERE entry.reason LIKE 'payment:%:fee%' GROUP BY 1
        )
        SELECT format('payment %s: a fee of %s is booked, the gateway told %s', payment.id, coalesce(booked.fee, 0),
                      coalesce(payment.fee_minor, 0))
        FROM payments_payment payment FULL JOIN booked ON booked.payment_id = payment.id
        WHERE coalesce(booked.fee, 0) <> CASE WHEN payment.state = 'SETTLED' THEN coalesce(payment.fee_minor, 0)
                                              ELSE 0 END
    """,
    "bulk_line_without_refund": """
        SELECT format('line %s of bulk file %s is DONE without its refund', number, upload_id) FROM payments_bulkline
        WHERE payment_id IS NOT NULL AND state = 'DONE' AND refund_id IS NULL
    """,
}
