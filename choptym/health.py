"""Is this process alive, can it do its work, and how does the database do?"""

from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from redis import RedisError

from choptym.lib.connections import Connections, Pool, read_connections, read_pool
from choptym.lib.exposition import tell_figures
from choptym.lib.jobs import redis
from payments.metrics import QUEUE_REGISTRY

log = structlog.get_logger(__name__)

# Shares of what may be: 800 and 900 of 1,000 connections; fewer than 50 idle of a pool of 1,000.
USED_WARNING = 0.8
USED_CRITICAL = 0.9
FREE_WARNING = 0.05


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
    """Connections of the server and of this process's pool. `status`: ok, warning, critical; down is the only 503.

    `used` and `max` are of the limit that is nearest (`limit`: server, database or role). Behind a pooler that gives
    connections for a transaction each, they are the pooler's, and `pool` tells of ours to it.
    """
    try:
        used = read_connections()
    except (DatabaseError, PoolTimeout) as error:
        log.warning("the database did not answer", error=str(error))
        silent = {"status": "down", "pool": _show(read_pool()), "warnings": ["the database does not answer"]}
        return JsonResponse(silent, status=HTTPStatus.SERVICE_UNAVAILABLE)
    pool = read_pool()
    status, warnings = judge(used, pool)
    figures = {"used": used.used, "max": used.most, "limit": used.limit, "pool": _show(pool)}
    return JsonResponse({"status": status, **figures, "warnings": warnings})


def judge(now: Connections, pool: Pool) -> tuple[str, list[str]]:
    """ok, warning or critical, and why."""
    warnings = []
    if now.used >= now.most * USED_WARNING:
        warnings.append(f"{now.used} of {now.most} connections are in use (limit of the {now.limit})")
    if pool.free < pool.most * FREE_WARNING:
        warnings.append(f"{pool.free} of {pool.most} connections of this process are free")
    if pool.waiting:
        warnings.append(f"{pool.waiting} requests wait for a connection of this process")
    if now.used >= now.most * USED_CRITICAL:
        return "critical", warnings
    return "warning" if warnings else "ok", warnings


def _show(pool: Pool) -> dict[str, int]:
    return {"size": pool.size, "max": pool.most, "idle": pool.idle, "waiting": pool.waiting}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus: this process, or all that share its port. The queue's figures too, unless it serves event streams.

    Those come from the database, where they are the same for everybody: one that tells of them is enough.
    """
    figures = tell_figures()
    if not settings.PROCESS_ROLE.startswith("events"):
        figures += generate_latest(QUEUE_REGISTRY)
    return HttpResponse(figures, content_type=CONTENT_TYPE_LATEST)


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
