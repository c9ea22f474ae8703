"""Run as a process of its own: many processes with many threads each, that all want to call a gateway at once.

    crowd.py <processes> <work>...      where work is "charge:fapshi", "ask:fapshi" …, a thread in each process

Works until it is killed. The settings come from the environment, as a worker's do.
"""

import os
import random
import sys
import threading
import time
from contextlib import suppress
from itertools import count
from uuid import uuid4

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.utils import timezone  # noqa: E402

from choptym.lib.errors import Unavailable  # noqa: E402
from choptym.lib.money import Money  # noqa: E402
from payments import in_force  # noqa: E402
from payments.gateways import get_gateway  # noqa: E402
from payments.gateways.base import CollectRequest  # noqa: E402
from payments.throttle.admit import Admission, admit, asking  # noqa: E402

in_force.orders.put(in_force.Orders())  # nobody steers, and there may be no tables
SINCE = timezone.now()
LONGEST_WAIT_SECONDS = 0.1  # the queue is full: who is put off is followed by others at once


def charge(gateway: str, number: int) -> None:
    answer = admit(gateway, "mtn", f"{os.getpid()}-{number}")
    if not isinstance(answer, Admission):
        time.sleep(random.uniform(0.01, LONGEST_WAIT_SECONDS))
        return
    request = CollectRequest(str(uuid4()), Money(2500, "XAF"), "677000001", "a plate of ndolé", "mtn")
    with asking(answer):
        get_gateway(gateway).collect(request)


def ask(gateway: str, number: int) -> None:
    get_gateway(gateway).find(str(uuid4()), since=SINCE)


WORK = {"charge": charge, "ask": ask}


def work(what: str, numbers: "count[int]") -> None:
    verb, _, gateway = what.partition(":")
    while True:
        with suppress(Unavailable):
            WORK[verb](gateway, next(numbers))


if __name__ == "__main__":
    in_force.orders.put(in_force.Orders())  # nobody steers, and this database has no tables
    for _ in range(int(sys.argv[1]) - 1):
        if not os.fork():  # before any connection is open
            break
    numbers = count()
    for what in sys.argv[2:]:
        threading.Thread(target=work, args=(what, numbers)).start()
