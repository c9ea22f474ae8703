"""What Celery is told: its own settings and no other, by Celery's own names.

Flower shows every worker's configuration to whoever looks, and of an address takes the password out only where it
stands under the name that Celery gives it: broker_url, not celery_broker_url.
"""

from django.conf import settings

_PREFIX = "CELERY_"
SETTINGS = {
    name.removeprefix(_PREFIX).lower(): getattr(settings, name) for name in dir(settings) if name.startswith(_PREFIX)
}
