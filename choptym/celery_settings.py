"""What Celery is told: its own settings and no other. Flower shows every worker's configuration to whoever looks."""

from django.conf import settings

SETTINGS = {name: getattr(settings, name) for name in dir(settings) if name.startswith("CELERY_")}
