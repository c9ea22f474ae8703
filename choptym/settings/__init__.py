"""Every setting, by concern. A start with bad settings stops here and names all the problems at once."""

from django.core.exceptions import ImproperlyConfigured

from choptym.settings import env
from choptym.settings.admin import *
from choptym.settings.alerts import *
from choptym.settings.api import *
from choptym.settings.database import *
from choptym.settings.django import *
from choptym.settings.gateways import *
from choptym.settings.logging import *
from choptym.settings.messages import *
from choptym.settings.monitoring import *
from choptym.settings.payments import *
from choptym.settings.queue import *
from choptym.settings.retention import *
from choptym.settings.schedule import *

if env.problems:
    without_any = not (env.is_given("DATABASE_URL") or env.is_given("DATABASE_URL_FILE"))
    hint = " (on a laptop: start `make up`, then `. .local/stack.env`)" if without_any else ""
    raise ImproperlyConfigured("Settings: " + "; ".join(env.problems) + hint)
