"""The event-stream process: the same addresses, for clients that follow their payment as it changes."""

import os

from django.core.asgi import get_asgi_application

from choptym.lib.garbage import spare_what_is_loaded
from choptym.lib.plain_request import EventsRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")
application = get_asgi_application()
application.request_class = EventsRequest
spare_what_is_loaded()
