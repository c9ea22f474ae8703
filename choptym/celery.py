"""The Celery app and nothing else."""

import os

from choptym.lib.timed_celery import TimedCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")

app = TimedCelery("choptym")
app.config_from_object("choptym.celery_settings:SETTINGS")
app.autodiscover_tasks()
