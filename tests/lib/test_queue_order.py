"""In which order messages are taken, by a consumer on the real Redis."""

from collections import Counter

from celery import Celery
from django.conf import settings
from kombu import Connection, Consumer, Queue

from choptym.queue_order import TAKES_FROM_BELOW_EVERY, MostlySorted

NAMES = list(settings.QUEUE_OF_PRIORITY.values())


def taken(waiting: dict[str, int], count: int) -> list[str]:
    """The queues of the first messages, when so many wait in each."""
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": "test-order:"}
    names: list[str] = []
    with Connection(settings.REDIS_URL, transport_options=options) as connection:
        channel = connection.channel()
        queues = [Queue(name, routing_key=name)(channel) for name in reversed(NAMES)]
        for queue in queues:
            queue.purge()
            for _ in range(waiting.get(queue.name, 0)):
                with connection.Producer(channel) as producer:
                    producer.publish({}, exchange="", routing_key=queue.name)

        def take(_body: object, message: object) -> None:
            names.append(message.delivery_info["routing_key"])  # type: ignore[attr-defined]
            message.ack()  # type: ignore[attr-defined]

        with Consumer(channel, queues, callbacks=[take], prefetch_count=1, accept=["json"]):
            while len(names) < count:
                connection.drain_events(timeout=5)
        for queue in queues:
            queue.purge()
    return names


def test_the_celery_app_takes_messages_in_this_order() -> None:
    app = Celery(namespace="CELERY")
    app.config_from_object("django.conf:settings", namespace="CELERY")

    with app.connection_for_read() as connection:
        cycle = connection.channel()._queue_cycle  # type: ignore[attr-defined]

    assert isinstance(cycle, MostlySorted)


def test_each_lower_queue_gets_a_share_though_the_first_is_never_empty() -> None:
    names = taken(dict.fromkeys(NAMES, 30), 20)

    assert Counter(names) == {"p1.high": 16, "p2.medium": 2, "p3.normal": 2}
    assert "p1.high" not in names[TAKES_FROM_BELOW_EVERY - 1 :: TAKES_FROM_BELOW_EVERY]


def test_the_turn_of_an_empty_queue_goes_to_the_first() -> None:
    assert taken({"p1.high": 10}, 10) == ["p1.high"] * 10


def test_without_a_first_queue_the_second_goes_before_the_third() -> None:
    assert Counter(taken({"p2.medium": 20, "p3.normal": 20}, 10))["p2.medium"] >= 8
