"""What the ledger's rows may never do, held by the database itself."""

from django.db import migrations

FORWARD = """
ALTER TABLE wallets_account ADD CONSTRAINT account_id_with_currency UNIQUE (id, currency);
ALTER TABLE wallets_entry
    ADD CONSTRAINT entry_debit_same_currency FOREIGN KEY (debit_id, currency) REFERENCES wallets_account (id, currency),
    ADD CONSTRAINT entry_credit_same_currency FOREIGN KEY (credit_id, currency) REFERENCES wallets_account (id, currency);

CREATE FUNCTION wallets_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are append-only: post a correction instead';
END $$;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON wallets_entry
    FOR EACH ROW EXECUTE FUNCTION wallets_refuse_change();
CREATE TRIGGER entry_never_truncated BEFORE TRUNCATE ON wallets_entry
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_refuse_change();
"""

BACKWARD = """
DROP TRIGGER entry_never_truncated ON wallets_entry;
DROP TRIGGER entry_append_only ON wallets_entry;
DROP FUNCTION wallets_refuse_change();
ALTER TABLE wallets_entry DROP CONSTRAINT entry_credit_same_currency, DROP CONSTRAINT entry_debit_same_currency;
ALTER TABLE wallets_account DROP CONSTRAINT account_id_with_currency;
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
