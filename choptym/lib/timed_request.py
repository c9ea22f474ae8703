"""A message as a worker takes it up. Loaded by workers only."""

from typing import Any, Literal

from celery.exceptions import InvalidTaskError
from celery.worker.request import Request
from celery.worker.state import revoked

from choptym.lib import clock
from choptym.lib.timed_celery import time_of_messages


class TimedRequest(Request):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Raises InvalidTaskError, by which the message is refused, where Celery would fail in the thread unseen."""
        super().__init__(*args, **kwargs)
        if not isinstance(self.args, list | tuple) or not isinstance(self.kwargs, dict):
            raise InvalidTaskError(f"{self.name} is called with {type(self.args)} and {type(self.kwargs)}")

    def maybe_expire(self) -> Literal[True] | None:
        """Whether its time is over. Never by a clock of which nobody knows whether it is right."""
        if self.expires and time_of_messages() > self.expires and clock.is_known():
            revoked.add(self.id)
            return True
        return None
