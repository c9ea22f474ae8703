"""What was captured against what was booked for it, and what people decided about it."""

# Each query returns one row for every break, as text for the reader.
CHECKS = {
    "settled_without_capture": """
        SELECT format('payment %s (%s) is SETTLED: its paid try collected %s %s, its capture in the ledger is %s %s',
                      payment.id, payment.gateway, attempt.collected_minor, attempt.collected_currency,
                      entry.amount_minor, entry.currency)
        FROM payments_payment payment
        LEFT JOIN payments_paymentattempt attempt ON attempt.payment_id = payment.id AND attempt.state = 'PAID'
        LEFT JOIN wallets_entry entry ON entry.reason = 'payment:' || payment.id || ':capture'
        WHERE payment.state = 'SETTLED' AND payment.gateway <> 'wallet'
          AND (entry.amount_minor IS DISTINCT FROM attempt.collected_minor
               OR entry.currency IS DISTINCT FROM attempt.collected_currency OR entry.id IS NULL)
    """,
    "capture_at_another_gateway": """
        SELECT format('payment %s was paid at %s, its capture is booked from %s to %s', payment.id, attempt.gateway,
                      debit.name, credit.name)
        FROM payments_payment payment
        JOIN payments_paymentattempt attempt ON attempt.payment_id = payment.id AND attempt.state = 'PAID'
        JOIN wallets_entry entry ON entry.reason = 'payment:' || payment.id || ':capture'
        JOIN wallets_account debit ON debit.id = entry.debit_id
        JOIN wallets_account credit ON credit.id = entry.credit_id
        WHERE payment.state = 'SETTLED'
          AND (debit.name <> 'gateway:' || attempt.gateway OR credit.name <> 'customer:' || payment.user_id)
    """,
    "settled_otherwise_undecided": """
        SELECT format('payment %s asked for %s %s and was settled with %s %s, but nobody decided that', payment.id,
                      payment.amount_minor, payment.currency, attempt.collected_minor, attempt.collected_currency)
        FROM payments_payment payment
        JOIN payments_paymentattempt attempt ON attempt.payment_id = payment.id AND attempt.state = 'PAID'
        WHERE payment.state = 'SETTLED'
          AND (attempt.collected_minor <> payment.amount_minor OR attempt.collected_currency <> payment.currency)
          AND NOT EXISTS (SELECT 1 FROM audit_act act WHERE act.about = 'payment:' || payment.id
                            AND act.verb IN ('accept_payment', 'credit_payment', 'return_payment'))
    """,
    "allowance_unfounded": """
        SELECT format('entry %s lets off %s %s of payment %s (%s), which collected %s %s', entry.reason,
                      entry.amount_minor, entry.currency, payment.id, payment.state, attempt.collected_minor,
                      attempt.collected_currency)
        FROM wallets_entry entry
        LEFT JOIN payments_payment payment ON entry.reason = 'payment:' || payment.id || ':allowance'
        LEFT JOIN payments_paymentattempt attempt ON attempt.payment_id = payment.id AND attempt.state = 'PAID'
        LEFT JOIN wallets_entry sale ON sale.reason = 'payment:' || payment.id || ':sale'
        WHERE entry.reason LIKE 'payment:%:allowance'
          AND (payment.state IS DISTINCT FROM 'SETTLED' OR sale.id IS NULL
               OR entry.currency IS DISTINCT FROM attempt.collected_currency
               OR entry.amount_minor + attempt.collected_minor IS DISTINCT FROM sale.amount_minor
               OR NOT EXISTS (SELECT 1 FROM audit_act act
                              WHERE act.about = 'payment:' || payment.id AND act.verb = 'accept_payment'))
    """,
    "sale_not_covered": """
        SELECT format('payment %s: its order was sold for %s %s, its capture is %s %s and nothing was let off',
                      payment.id, sale.amount_minor, sale.currency, capture.amount_minor, capture.currency)
        FROM payments_payment payment
        JOIN wallets_entry sale ON sale.reason = 'payment:' || payment.id || ':sale'
        JOIN wallets_entry capture ON capture.reason = 'payment:' || payment.id || ':capture'
        WHERE payment.state = 'SETTLED' AND capture.amount_minor < sale.amount_minor
          AND NOT EXISTS (SELECT 1 FROM wallets_entry entry
                          WHERE entry.reason = 'payment:' || payment.id || ':allowance')
    """,
}
