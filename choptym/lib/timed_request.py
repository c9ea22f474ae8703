"""A message as a worker takes it up. Loaded by workers only."""

from typing import Literal

from celery.worker.request import Request
from celery.worker.state import revoked

from choptym.lib import clock
from choptym.lib.timed_celery import time_of_messages


class TimedRequest(Request):
    def maybe_expire(self) -> Literal[True] | None:
        """Whether its time is over. Never by a clock of which nobody knows whether it is right."""
        if self.expires and time_of_messages() > self.expires and clock.is_known():
            revoked.add(self.id)
            return True
        return None
