"""Which sweeper runs when. Each finds rows that a lost message or a dead process left behind."""

from datetime import timedelta
from typing import Any

from choptym.settings.alerts import ALERT_CHECK_SECONDS, WORKER_CANARY_SECONDS

# A tick that waited longer than its period is dropped: the next one does the same work.
_EVERY_SECOND: dict[str, Any] = {"schedule": timedelta(seconds=1), "options": {"expires": 5}}

CELERY_BEAT_SCHEDULER = "choptym.lib.ticks:SteadyScheduler"
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
    # As often as the loop takes its steps; one that waited longer would be a step of yesterday.
    "limits by queue and gateways": {
        "task": "payments.tasks.sweep_limits",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 2},
    },
    # Twice in each period, so that none is missed: the second one finds the sample there.
    "a sample of the figures": {
        "task": "payments.tasks.take_sample",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "the tally of ended payments": {
        "task": "payments.tasks.tidy_tally",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "reconciliations that are due": {
        "task": "payments.tasks.sweep_reconciliations",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "jobs that are due": {
        "task": "payments.tasks.sweep_jobs",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    # Twice each, by queues of two workers: who stands still cannot tell of it. The rows see to it that only one looks.
    "alerts": {
        "task": "payments.tasks.check_alerts",
        "schedule": timedelta(seconds=ALERT_CHECK_SECONDS),
        "options": {"expires": ALERT_CHECK_SECONDS},
    },
    "alerts, from another worker": {
        "task": "payments.tasks.check_alerts",
        "schedule": timedelta(seconds=ALERT_CHECK_SECONDS),
        "options": {"expires": ALERT_CHECK_SECONDS, "queue": "notifications"},
    },
    "canaries": {
        "task": "payments.tasks.watch_workers",
        "schedule": timedelta(seconds=WORKER_CANARY_SECONDS),
        "options": {"expires": WORKER_CANARY_SECONDS},
    },
    "canaries, from another worker": {
        "task": "payments.tasks.watch_workers",
        "schedule": timedelta(seconds=WORKER_CANARY_SECONDS),
        "options": {"expires": WORKER_CANARY_SECONDS, "queue": "notifications"},
    },
}

# What runs every minute or more seldom. Beat only ticks: when each is due stands in its row (payments/housekeeping/
# jobs.py), so that two beats run it once, and a run that was missed is made up for. One run makes up for all that were
# missed, but with `each_slot`: there every slot is run, oldest first, and told which it is.
#   seconds          the period; a name: what payments.in_force says of it now
#   lease_seconds    a run that has not ended after this long has died
PERIODIC_JOBS: dict[str, dict[str, Any]] = {
    "clean-up": {"task": "payments.tasks.tidy_up", "seconds": "cleanup_seconds"},
    "months of the history": {"task": "payments.tasks.tidy_months", "seconds": 6 * 3600},
    "the books": {"task": "payments.tasks.prove_books", "seconds": 300, "lease_seconds": 1800},
    "captured money without an outcome": {"task": "payments.tasks.prove_outcomes", "seconds": 60},
    "days to be reconciled": {"task": "payments.tasks.sweep_days", "seconds": 600},
    "days that were missed": {"task": "payments.tasks.sweep_missed_days", "seconds": 86_400, "each_slot": True},
}
