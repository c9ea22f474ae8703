"""The web process: the API, the webhook door and the admin."""

import os

from django.core.wsgi import get_wsgi_application

from choptym.lib.plain_request import WebRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")
application = get_wsgi_application()
application.request_class = WebRequest
