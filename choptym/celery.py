"""The Celery app and nothing else."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")

app = Celery("choptym")
app.config_from_object("choptym.celery_settings:SETTINGS")
app.autodiscover_tasks()
