"""The tally of ended payments: totals, steps, the triggers that write steps, and what has ended before.

All in one transaction. CREATE TRIGGER waits for whoever is writing payments, and keeps everybody else from it until we
commit; what is counted after it is therefore all there is, and what comes later finds the triggers. Reading goes on.
Counting 200,000 payments took 0.15 s on two busy cores; a worker whose write has waited for 5 s tries again by itself.
"""

from django.db import migrations, models

PRIORITIES = [(3, "High"), (2, "Medium"), (1, "Normal")]
STATES = [
    ("QUEUED", "Queued"),
    ("REQUESTED", "Requested"),
    ("PENDING", "Pending"),
    ("SETTLED", "Settled"),
    ("FAILED", "Failed"),
    ("EXPIRED", "Expired"),
    ("CANCELLED", "Cancelled"),
    ("REVIEW", "Review"),
]
IDENTITY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")

# A constraint sees to it that a payment has a finished_at exactly when its state is final.
FUNCTION = """
    CREATE FUNCTION payments_tally_step() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' AND OLD.finished_at IS NOT NULL THEN
            INSERT INTO payments_tallystep (gateway, priority, state, was_retried, change)
            VALUES (OLD.gateway, OLD.priority, OLD.state, OLD.attempts_made > 1, -1);
        END IF;
        IF TG_OP <> 'DELETE' AND NEW.finished_at IS NOT NULL THEN
            INSERT INTO payments_tallystep (gateway, priority, state, was_retried, change)
            VALUES (NEW.gateway, NEW.priority, NEW.state, NEW.attempts_made > 1, 1);
        END IF;
        RETURN NULL;
    END
    $$
"""
# What changes nothing that is counted costs a comparison: claims, questions, retries.
TRIGGERS = """
    CREATE TRIGGER tally_insert AFTER INSERT ON payments_payment FOR EACH ROW
    WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION payments_tally_step();
    CREATE TRIGGER tally_delete AFTER DELETE ON payments_payment FOR EACH ROW
    WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION payments_tally_step();
    CREATE TRIGGER tally_update AFTER UPDATE ON payments_payment FOR EACH ROW
    WHEN ((OLD.finished_at IS NOT NULL OR NEW.finished_at IS NOT NULL)
          AND (OLD.state, OLD.gateway, OLD.priority, OLD.attempts_made > 1)
              IS DISTINCT FROM (NEW.state, NEW.gateway, NEW.priority, NEW.attempts_made > 1))
    EXECUTE FUNCTION payments_tally_step()
"""
BACK_FILL = """
    INSERT INTO payments_tally (gateway, priority, state, was_retried, count, entered)
    SELECT gateway, priority, state, attempts_made > 1, count(*), count(*)
    FROM payments_payment WHERE finished_at IS NOT NULL
    GROUP BY gateway, priority, state, attempts_made > 1
"""
# Many rows come and go: clean up after so many, not after a share of a table that is empty most of the time.
VACUUM = """
    ALTER TABLE payments_tallystep SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
"""
UNDO = """
    DROP TRIGGER tally_insert ON payments_payment;
    DROP TRIGGER tally_delete ON payments_payment;
    DROP TRIGGER tally_update ON payments_payment;
    DROP FUNCTION payments_tally_step()
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0019_payment_queue_of_gateway")]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", IDENTITY),
                ("gateway", models.CharField(max_length=20)),
                ("priority", models.PositiveSmallIntegerField(choices=PRIORITIES)),
                ("state", models.CharField(choices=STATES, max_length=10)),
                ("was_retried", models.BooleanField(help_text="Whether it took more than one attempt.")),
                ("count", models.BigIntegerField()),
                ("entered", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("gateway", "priority", "state", "was_retried"), name="tally_one_per_place"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TallyStep",
            fields=[
                ("id", IDENTITY),
                ("gateway", models.CharField(max_length=20)),
                ("priority", models.PositiveSmallIntegerField(choices=PRIORITIES)),
                ("state", models.CharField(choices=STATES, max_length=10)),
                ("was_retried", models.BooleanField()),
                ("change", models.SmallIntegerField()),
            ],
        ),
        migrations.RunSQL(VACUUM, migrations.RunSQL.noop),
        migrations.RunSQL([FUNCTION, TRIGGERS, BACK_FILL], UNDO),
    ]
