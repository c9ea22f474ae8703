"""Never more back than was captured: the database counts, whoever writes the row.

The parent row is locked first, so two refunds of one collection are counted one after the other. Each statement of the
function sees what was committed before it. A row that counted before and counts no more now is not counted anew: a
claim holds the refund, and must not wait for a payment whose holder may wait for the refund.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION payments_refund_within_capture() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    captured bigint;
    given bigint;
BEGIN
    IF NEW.state = 'FAILED' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state <> 'FAILED' AND NEW.amount_minor <= OLD.amount_minor
       AND NEW.currency = OLD.currency AND NEW.payment_id = OLD.payment_id
       AND NEW.attempt_id IS NOT DISTINCT FROM OLD.attempt_id THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM payments_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
    IF NEW.attempt_id IS NULL THEN
        SELECT amount_minor INTO captured FROM payments_payment
        WHERE id = NEW.payment_id AND gateway = 'wallet' AND state = 'SETTLED' AND currency = NEW.currency;
    ELSE
        SELECT collected_minor INTO captured FROM payments_paymentattempt
        WHERE id = NEW.attempt_id AND payment_id = NEW.payment_id AND state IN ('PAID', 'SURPLUS')
          AND collected_currency = NEW.currency;
    END IF;
    SELECT coalesce(sum(amount_minor), 0) INTO given FROM payments_refund
    WHERE payment_id = NEW.payment_id AND attempt_id IS NOT DISTINCT FROM NEW.attempt_id
      AND state <> 'FAILED' AND id <> NEW.id;
    IF given + NEW.amount_minor > coalesce(captured, 0) THEN
        RAISE EXCEPTION 'refunds of payment % break "refund_within_capture": % and % of % captured',
            NEW.payment_id, given, NEW.amount_minor, coalesce(captured, 0)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_capture';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payments_refund_within_capture
BEFORE INSERT OR UPDATE OF state, amount_minor, currency, payment_id, attempt_id ON payments_refund
FOR EACH ROW EXECUTE FUNCTION payments_refund_within_capture();

CREATE FUNCTION payments_refund_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a refund is never deleted' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER payments_refund_keep BEFORE DELETE ON payments_refund
FOR EACH ROW EXECUTE FUNCTION payments_refund_keep();
"""

BACKWARD = """
DROP TRIGGER payments_refund_keep ON payments_refund;
DROP FUNCTION payments_refund_keep();
DROP TRIGGER payments_refund_within_capture ON payments_refund;
DROP FUNCTION payments_refund_within_capture();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_refunds_reconciliation_bulk")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
