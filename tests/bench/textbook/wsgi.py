"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

import tests.bench.textbook.celery  # noqa: F401 - tasks are published by this app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.textbook.settings")
application = get_wsgi_application()
