"""Run as a process of its own, with REDIS_URL at a closed port: what telling costs when there is no broker."""

import os
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from choptym.lib import jobs  # noqa: E402
from notifications.tasks import deliver_notifications  # noqa: E402
from payments.tasks import charge_payment  # noqa: E402

started = time.monotonic()
told = [
    jobs.publish(charge_payment, 1, queue="p1.high"),
    jobs.ring(deliver_notifications),
    *(jobs.publish(charge_payment, number) for number in range(100)),
]
jobs.after_commit(charge_payment, 7)
print(any(told), jobs.queue_lengths(), round(time.monotonic() - started, 2))  # noqa: T201 - what the test reads
