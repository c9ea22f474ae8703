"""Celery on Redis. A message only says "look at row N"; see docs/adr for why each value is what it is."""

from kombu import Queue

from choptym.settings import env
from choptym.settings.django import FAILPOINTS_DIR, IS_WORKER, PROCESS_ROLE

REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))

# Alphabetical order is the order of priority, but for a share from below (choptym/queue_order.py).
QUEUE_OF_PRIORITY = {3: "p1.high", 2: "p2.medium", 1: "p3.normal"}
QUEUES = [*QUEUE_OF_PRIORITY.values(), "webhooks", "notifications", "maintenance", "reports"]
KEY_PREFIX = "pay:"

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the longest task (45 s), countdown and drain together; minutes, not hours, so that recovery is quick.
    "visibility_timeout": 180,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "unacked_restore_limit": 500,
    "unacked_mutex_expire": 60,
    "queue_order_strategy": "choptym.queue_order:MostlySorted",
    "priority_steps": [0],
    "global_keyprefix": KEY_PREFIX,
    "client_name": PROCESS_ROLE,
    # Without these a half-open connection hangs for ever.
    "socket_connect_timeout": 2 if IS_WORKER else 1,
    "socket_timeout": 10 if IS_WORKER else 1.5,
    "socket_keepalive": True,
    "health_check_interval": 10,
    **(
        {"max_retries": 3, "interval_start": 0, "interval_step": 0.5, "interval_max": 2}
        if IS_WORKER
        else {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
    ),
}
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_POOL_LIMIT = 32
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 5 if IS_WORKER else 1
CELERY_TASK_PUBLISH_RETRY = True
# One more try, then the row waits for the sweeper: a broker that hangs costs a customer three seconds at worst, once.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}

# Loaded by workers and beat only.
CELERY_IMPORTS = [
    "choptym.worker_metrics",
    "choptym.worker_garbage",
    *(["choptym.worker_failpoints"] if FAILPOINTS_DIR else []),
]

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONSUMER = "choptym.lib.steady_consumer:SteadyConsumer"
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_DISABLE_RATE_LIMITS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = True
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

# Without an exchange, and with a routing key of its own, a message goes to one queue by its name.
CELERY_TASK_DEFAULT_EXCHANGE = ""
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in QUEUES]
CELERY_TASK_DEFAULT_QUEUE = "p3.normal"
CELERY_TASK_CREATE_MISSING_QUEUES = False
# The queue of a priority stands in the message (choptym/queue_routes.py).
ROUTES = {
    "payments.tasks.process_events": {"queue": "webhooks"},
    "payments.tasks.confirm_payments": {"queue": "webhooks"},
    "payments.tasks.look_up_strangers": {"queue": "webhooks"},
    # Like status queries they wait for gateways in threads; behind a proof of the books they would wait for minutes.
    "payments.tasks.send_refunds": {"queue": "webhooks"},
    "notifications.tasks.deliver_notifications": {"queue": "notifications"},
    "payments.tasks.work_on_bulk": {"queue": "maintenance"},
    "payments.tasks.sweep_*": {"queue": "maintenance"},
    "payments.tasks.expire_*": {"queue": "maintenance"},
    "payments.tasks.take_*": {"queue": "maintenance"},
    "payments.tasks.tidy_*": {"queue": "maintenance"},
    "payments.tasks.prove_*": {"queue": "maintenance"},
    "payments.tasks.check_alerts": {"queue": "maintenance"},
    "payments.tasks.watch_workers": {"queue": "maintenance"},
    "payments.tasks.tell_alerts": {"queue": "notifications"},
    # Only when nobody says which worker's: then it is published with the queue of its own.
    "payments.tasks.answer_canary": {"queue": "maintenance"},
    "payments.tasks.run_*": {"queue": "maintenance"},
    # Minutes long, so with workers of their own: the sweepers must not wait behind a gateway's list of a day.
    "payments.tasks.reconcile_*": {"queue": "reports"},
    "notifications.tasks.sweep_*": {"queue": "maintenance"},
}
CELERY_TASK_ROUTES = ["choptym.queue_routes.by_priority", ROUTES]
