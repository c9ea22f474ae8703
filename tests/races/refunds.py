"""What the races of refunds share."""

PAYOUTS = {"FAPSHI_REFUNDS": "payout", "CAMPAY_REFUNDS": "payout"}
DROP_RULE = "ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_within_capture"
RESTORE_RULE = "ALTER TABLE payments_refund ENABLE TRIGGER payments_refund_within_capture"
