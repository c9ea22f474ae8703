"""The failpoints of a worker. Celery loads this where FAILPOINTS_DIR is set, and nowhere else.

A message is taken from its queue (`take.<queue>`: Redis has it no more, and nobody has noted that it is being worked
on), its task runs (`task.<name>.before`, `.after`), and then it is acknowledged (`ack.<queue>`).
"""

from typing import Any

from celery import Task, signals
from kombu.message import Message
from kombu.transport.redis import Channel, QoS

from choptym.lib.failpoints import failpoint


class _QoS(QoS):
    def append(self, message: Message, delivery_tag: str) -> None:
        failpoint("take", _queue_of(message))
        super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        queue = _queue_of(self.get(delivery_tag))
        super().ack(delivery_tag)
        failpoint("ack", queue)


def _queue_of(message: Message) -> str:
    return str(message.delivery_info["routing_key"])


Channel.QoS = _QoS


@signals.task_prerun.connect
def begin(task: "Task[Any, Any]", **_: object) -> None:
    failpoint("task", task.name, "before")


@signals.task_postrun.connect
def end(task: "Task[Any, Any]", **_: object) -> None:
    failpoint("task", task.name, "after")
