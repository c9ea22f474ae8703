"""What was given back against what was captured, booked and told."""

from django.conf import settings

# A refund of which nobody knows so long whether it was given is for a person, like captured money without an outcome.
_UNKNOWN_FOR = f"interval '{int(settings.PAYMENT_OUTCOME_WITHIN_SECONDS)} seconds'"
# Where it may be sent again, each question is a new request: so many take longer than an hour.
_QUESTIONS = 5

# Older messages may be in the history, or gone (payments/housekeeping/kept.py): a day less than they are kept.
TOLD_WITHIN = f"interval '{int(settings.NOTIFICATIONS_KEPT_FOR_DAYS) - 1} days'"

# Each query returns one row for every break, as text for the reader.
CHECKS = {
    # What goes out through a gateway left the customer's account, with the row, in exactly this amount. What had been
    # sold came from the account of refunds; the customer's own part, if any, had to be in the wallet.
    "refund_without_entries": """
        SELECT format('refund %s of payment %s (%s %s, %s): out %s from %s to %s, given %s', refund.id,
                      refund.payment_id, refund.amount_minor, refund.currency, refund.way, sent.amount_minor,
                      out_debit.name, out_credit.name, given.amount_minor)
        FROM payments_refund refund
        JOIN payments_payment payment ON payment.id = refund.payment_id
        LEFT JOIN wallets_entry sent ON sent.reason = 'refund:' || refund.id || ':out'
        LEFT JOIN wallets_account out_debit ON out_debit.id = sent.debit_id
        LEFT JOIN wallets_account out_credit ON out_credit.id = sent.credit_id
        LEFT JOIN wallets_entry given ON given.reason = 'refund:' || refund.id || ':given'
        LEFT JOIN wallets_account given_debit ON given_debit.id = given.debit_id
        LEFT JOIN wallets_account given_credit ON given_credit.id = given.credit_id
        WHERE (refund.way = 'GATEWAY'
               AND (sent.amount_minor IS DISTINCT FROM refund.amount_minor OR sent.currency <> refund.currency
                    OR out_debit.name <> 'customer:' || payment.user_id
                    OR out_credit.name <> 'gateway:' || refund.gateway
                    OR given.amount_minor > refund.amount_minor))
           OR (refund.way = 'WALLET'
               AND (sent.id IS NOT NULL OR given.amount_minor IS DISTINCT FROM refund.amount_minor))
           OR given.currency <> refund.currency OR given_debit.name <> 'refunds'
           OR given_credit.name <> 'customer:' || payment.user_id
    """,
    # The refunds of one payment never give more than its sale, and give from it before they take from the wallet. (When
    # one has failed, a later one may have taken from the wallet what is in the sale again.)
    "refund_given_wrong": """
        SELECT format('payment %s sold %s, its refunds gave %s of that, of %s in all', payment.id, sold.minor,
                      given.minor, given.asked_minor)
        FROM payments_payment payment
        JOIN LATERAL (
            SELECT coalesce(sum(entry.amount_minor), 0) AS minor,
                   sum(refund.amount_minor) AS asked_minor
            FROM payments_refund refund
            LEFT JOIN wallets_entry entry ON entry.reason = 'refund:' || refund.id || ':given'
            LEFT JOIN payments_paymentattempt attempt ON attempt.id = refund.attempt_id
            WHERE refund.payment_id = payment.id AND refund.state <> 'FAILED'
              AND attempt.state IS DISTINCT FROM 'SURPLUS'
        ) given ON given.asked_minor IS NOT NULL
        JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN reason LIKE '%:sale' THEN amount_minor ELSE -amount_minor END), 0) AS minor
            FROM wallets_entry
            WHERE reason IN ('payment:' || payment.id || ':sale', 'payment:' || payment.id || ':allowance')
        ) sold ON true
        WHERE payment.id IN (SELECT payment_id FROM payments_refund)
          AND (given.minor > sold.minor
               OR (given.minor < least(sold.minor, given.asked_minor)
                   AND NOT EXISTS (SELECT 1 FROM payments_refund failed
                                   WHERE failed.payment_id = payment.id AND failed.state = 'FAILED')))
    """,
    "refund_entry_without_row": """
        SELECT format('entry %s (%s %s), but there is no such refund', entry.reason, entry.amount_minor, entry.currency)
        FROM wallets_entry entry
        LEFT JOIN payments_refund refund ON refund.id::text = split_part(entry.reason, ':', 2)
        WHERE entry.reason LIKE 'refund:%' AND refund.id IS NULL
    """,
    "failed_refund_not_booked_back": """
        SELECT format('refund %s is %s, its entry %s of %s %s is %s', refund.id, refund.state, entry.reason,
                      entry.amount_minor, entry.currency,
                      CASE WHEN back.id IS NULL THEN 'not booked back'
                           ELSE format('booked back with %s %s', back.amount_minor, back.currency) END)
        FROM payments_refund refund
        JOIN wallets_entry entry
            ON entry.reason IN ('refund:' || refund.id || ':out', 'refund:' || refund.id || ':given')
        LEFT JOIN wallets_entry back ON back.reason = entry.reason || '_back'
        WHERE (refund.state = 'FAILED'
               AND (back.amount_minor IS DISTINCT FROM entry.amount_minor OR back.currency <> entry.currency
                    OR back.debit_id <> entry.credit_id OR back.credit_id <> entry.debit_id))
           OR (refund.state <> 'FAILED' AND back.id IS NOT NULL)
    """,
    "refund_above_capture": """
        SELECT format('payment %s (try %s): %s %s captured, %s given back', refund.payment_id, refund.attempt_id,
                      captured.minor, captured.currency, sum(refund.amount_minor))
        FROM payments_refund refund
        JOIN payments_payment payment ON payment.id = refund.payment_id
        LEFT JOIN payments_paymentattempt attempt ON attempt.id = refund.attempt_id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN refund.attempt_id IS NULL AND payment.gateway = 'wallet' AND payment.state = 'SETTLED'
                        THEN payment.amount_minor
                        WHEN attempt.state IN ('PAID', 'SURPLUS') THEN attempt.collected_minor END AS minor,
                   coalesce(attempt.collected_currency, payment.currency) AS currency
        ) captured
        WHERE refund.state <> 'FAILED'
        GROUP BY refund.payment_id, refund.attempt_id, captured.minor, captured.currency
        HAVING sum(refund.amount_minor) > coalesce(captured.minor, 0)
            OR bool_or(refund.currency <> captured.currency)
    """,
    # Nobody works on it; or the gateway is asked about it for ever, and shows nothing.
    "refund_overdue": f"""
        SELECT format('refund %s of payment %s is %s at %s, due at %s: %s', id, payment_id, state, gateway,
                      next_attempt_at, problem)
        FROM payments_refund
        WHERE next_attempt_at < now() - interval '5 minutes'
           OR (next_attempt_at IS NULL AND state IN ('QUEUED', 'REQUESTED', 'PENDING'))
           OR (state = 'REQUESTED' AND requested_at < now() - {_UNKNOWN_FOR})
           OR (state = 'REQUESTED' AND asks_made > {_QUESTIONS} AND created_at < now() - {_UNKNOWN_FOR})
    """,  # noqa: S608 - numbers of our own
    # Given, as we think, and the gateway said afterwards that it came back: a person ends it by hand.
    "refund_came_back": """
        SELECT format('refund %s of payment %s came back: %s', id, payment_id, problem)
        FROM payments_refund WHERE state = 'REFUNDED' AND failure_code = 'came_back'
    """,
    "refunded_without_message": f"""
        SELECT format('refund %s of payment %s was given, but nobody was told', refund.id, refund.payment_id)
        FROM payments_refund refund JOIN payments_payment payment ON payment.id = refund.payment_id
        WHERE refund.state = 'REFUNDED' AND payment.phone <> '' AND refund.finished_at > now() - {TOLD_WITHIN}
          AND NOT EXISTS (
            SELECT 1 FROM notifications_notification message WHERE message.about = 'refund:' || refund.id
               AND message.kind = CASE refund.way WHEN 'WALLET' THEN 'wallet_refunded' ELSE 'payment_refunded' END)
          AND NOT EXISTS (SELECT 1 FROM notifications_preference wish
                          WHERE wish.user_id = payment.user_id AND NOT wish.by_sms)
    """,  # noqa: S608 - a number of days
}
