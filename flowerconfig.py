"""What Flower is told, however it is started from here: it looks for a file of this name beside manage.py.

Whoever looks must log in, also at /metrics; only /healthcheck is open. Nothing can be changed unless FLOWER_MAY_WRITE
says so. It turns on no events: it shows the tasks of the workers that were started with -E.
"""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from flower.events import EventsState
from flower.views import BaseHandler
from flower.views.monitor import Metrics
from tornado.web import authenticated

if not settings.FLOWER_BASIC_AUTH and not settings.FLOWER_WITHOUT_LOGIN:
    raise ImproperlyConfigured(
        "FLOWER_BASIC_AUTH is not set (name:password, with commas between several). "
        "FLOWER_WITHOUT_LOGIN=true starts without, behind a proxy that asks for a login itself."
    )

basic_auth = settings.FLOWER_BASIC_AUTH
# Nobody knows who it was who wrote without a login.
read_only = not (settings.FLOWER_MAY_WRITE and settings.FLOWER_BASIC_AUTH)
enable_events = False
inspect_timeout = 2000.0  # milliseconds; a worker that answers later is not on the page
max_tasks = 10_000
purge_offline_workers = 3600  # seconds
tasks_columns = "name,args,state,received,started,runtime,worker"

_show_event = EventsState.event


def _hide_words_of_errors(self: EventsState, event: dict[str, Any]) -> None:
    """An error may quote a row, and with it a phone number: its kind is told here, the rest in the workers' logs."""
    if event.get("exception"):
        event["exception"] = str(event["exception"]).split("(", 1)[0]
    event.pop("traceback", None)
    _show_event(self, event)


def _every_queue(_: BaseHandler) -> list[str]:
    """Whichever workers answered when Flower started."""
    return list(settings.QUEUES)


EventsState.event = _hide_words_of_errors
BaseHandler.get_active_queue_names = _every_queue
Metrics.get = authenticated(Metrics.get)
