"""The web process: the API, the webhook door and the admin."""

import os
import re

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from choptym.lib.garbage import spare_what_is_loaded
from choptym.lib.lanes import Lane, in_lanes
from choptym.lib.plain_request import WebRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")
_django = get_wsgi_application()
_django.request_class = WebRequest

# Whoever asks whether this process is well restarts it when they hear nothing.
_HEALTH = re.compile(r"GET /(health/|metrics$)")
# Gateways wait a few seconds for the answer to a webhook. Customers who wait look often, and each time at one row.
_SHORT = re.compile(r"POST /webhooks/|GET /api/(payments/\d+/$|payment/(queue/status|metrics)$)")
LANES = [
    Lane("health", 2, _HEALTH),
    Lane("short", settings.WEB_SHORT_PLACES, _SHORT),
    Lane("other", settings.WEB_PLACES, re.compile("")),
]
application = in_lanes(_django, LANES)
spare_what_is_loaded()
