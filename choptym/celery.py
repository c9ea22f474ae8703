"""The Celery app and nothing else."""

import os

from choptym.lib.timed_celery import TimedCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")
# In a worker Django's checks would load every view and the admin, for good; migrations run them at each release.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = TimedCelery("choptym")
app.config_from_object("choptym.celery_settings:SETTINGS")
app.autodiscover_tasks()
