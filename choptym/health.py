"""Is this process alive, can it do its work, and how does the database do?"""

from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from redis import RedisError

from choptym.lib.jobs import redis
from payments.metrics import QUEUE_REGISTRY

log = structlog.get_logger(__name__)

USED_WARNING = 0.8
IDLE_WARNING = 50
LARGE_POOL = 1000


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked: a restart would mend nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """What it needs is there. Without Redis payments are still taken, only later: that is a warning."""
    database, queue = _database_answers(), _redis_answers()
    body = {"status": "ok" if database and queue else "degraded", "database": database, "redis": queue}
    return JsonResponse(body, status=HTTPStatus.OK if database else HTTPStatus.SERVICE_UNAVAILABLE)


@require_safe
def db(request: HttpRequest) -> JsonResponse:
    """Connections of the server and of this process's pool, with warnings at 80 % used and at few idle ones."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity "
                "WHERE backend_type = 'client backend'"
            )
            used, most = cursor.fetchone()
    except (DatabaseError, PoolTimeout) as error:
        log.warning("the database did not answer", error=str(error))
        return JsonResponse({"status": "down", "warnings": ["the database does not answer"]}, status=503)
    pool = _pool_figures()
    warnings = []
    if used >= most * USED_WARNING:
        warnings.append(f"{used} of {most} connections are in use")
    if most >= LARGE_POOL and most - used < IDLE_WARNING:
        warnings.append(f"fewer than {IDLE_WARNING} connections are left")
    if pool["waiting"]:
        warnings.append(f"{pool['waiting']} requests wait for a connection of this process")
    body = {"status": "warning" if warnings else "ok", "used": used, "max": most, "pool": pool, "warnings": warnings}
    return JsonResponse(body)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus: this process, and the queue's figures as the database has them."""
    return HttpResponse(generate_latest() + generate_latest(QUEUE_REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, PoolTimeout):
        return False
    return True


def _redis_answers() -> bool:
    try:
        return bool(redis().ping())
    except RedisError:
        return False


def _pool_figures() -> dict[str, Any]:
    pool = getattr(connection, "pool", None)
    if pool is None:
        return {"size": 0, "idle": 0, "waiting": 0}
    figures = pool.get_stats()
    return {
        "size": figures.get("pool_size", 0),
        "max": settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"],
        "idle": figures.get("pool_available", 0),
        "waiting": figures.get("requests_waiting", 0),
    }
