"""A worker's ear. Loaded by workers only."""

from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer
from kombu.message import Message


class SteadyConsumer(Consumer):
    """Refuses a message that cannot be read, as Celery refuses an unknown task.

    Celery lets such a one end the worker (seen in 5.7.0: a body that is no list of three, a header of another type).
    It was not acknowledged, so the next worker gets it, and ends too. What it was about stands in a row.
    """

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Message], None]:
        receive = super().create_task_handler(*args, **kwargs)

        def receive_or_refuse(message: Message) -> None:
            try:
                receive(message)
            except (TypeError, ValueError, LookupError, AttributeError) as error:
                self.on_invalid_task(None, message, error)

        return receive_or_refuse
