"""Which sweeper runs when. Each finds rows that a lost message or a dead process left behind."""

from datetime import timedelta
from typing import Any

# A tick that waited longer than its period is dropped: the next one does the same work.
_EVERY_SECOND: dict[str, Any] = {"schedule": timedelta(seconds=1), "options": {"expires": 5}}

CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_CRON_STARTING_DEADLINE = 600
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "charges that are due": {"task": "payments.tasks.sweep_charges", **_EVERY_SECOND},
    "webhook events that wait": {"task": "payments.tasks.sweep_events", **_EVERY_SECOND},
    "payments whose status is due": {"task": "payments.tasks.sweep_confirmations", **_EVERY_SECOND},
    "refunds that are due": {"task": "payments.tasks.sweep_refunds", **_EVERY_SECOND},
    "notifications that wait": {"task": "notifications.tasks.sweep_notifications", **_EVERY_SECOND},
    "payments that nobody approved": {"task": "payments.tasks.expire_payments", **_EVERY_SECOND},
    "bulk uploads that wait": {"task": "payments.tasks.sweep_bulk", **_EVERY_SECOND},
    # Twice in each period, so that none is missed: the second one finds the sample there.
    "a sample of the figures": {
        "task": "payments.tasks.take_sample",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "old idempotency keys": {
        "task": "payments.tasks.tidy_idempotency_keys",
        "schedule": timedelta(hours=1),
        "options": {"expires": 3600},
    },
    "days to be reconciled": {
        "task": "payments.tasks.sweep_days",
        "schedule": timedelta(minutes=10),
        "options": {"expires": 600},
    },
    "reconciliations that are due": {
        "task": "payments.tasks.sweep_reconciliations",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "the books": {
        "task": "payments.tasks.prove_books",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 300},
    },
    "captured money without an outcome": {
        "task": "payments.tasks.prove_outcomes",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
}
