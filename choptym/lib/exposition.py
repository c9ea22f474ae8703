"""How a process tells its figures to Prometheus.

A process of its own port tells its own. Where several share a port (the web processes), PROMETHEUS_MULTIPROC_DIR is
set: each keeps its figures in a file there, and whoever is asked adds them all up. What a dead one counted stays
counted; its gauges go.
"""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import structlog
from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from choptym.lib.connections import POOL, POOL_KINDS, read_pool, tell_pool

log = structlog.get_logger(__name__)


def tell_figures() -> bytes:
    """As text: of this process, or of all that share its directory."""
    tell_pool()
    return generate_latest(_registry())


def serve_figures() -> None:
    """Tell them on METRICS_PORT, from a thread. A port that is not to be had is no reason not to work."""
    if not settings.METRICS_PORT:
        return
    if not _is_shared():
        for kind in POOL_KINDS:
            POOL.labels(kind).set_function(partial(_figure_of_pool, kind))
    try:
        start_http_server(settings.METRICS_PORT, addr=settings.METRICS_HOST, registry=_registry())
    except OSError as error:
        where = f"{settings.METRICS_HOST}:{settings.METRICS_PORT}"
        log.warning("the figures cannot be told", where=where, error=str(error))


def _figure_of_pool(kind: str) -> float:
    return float(getattr(read_pool(), kind))


def _is_shared() -> bool:
    return bool(settings.PROMETHEUS_MULTIPROC_DIR)


def _registry() -> CollectorRegistry:
    if not _is_shared():
        return REGISTRY
    registry = CollectorRegistry()
    registry.register(_Shared(None, settings.PROMETHEUS_MULTIPROC_DIR))  # type: ignore[no-untyped-call]
    return registry


class _Shared(MultiProcessCollector, Collector):
    """The sum over the directory, without the gauges of processes that are gone."""

    def collect(self) -> Iterable[Metric]:
        for path in Path(settings.PROMETHEUS_MULTIPROC_DIR).glob("gauge_live*_*.db"):
            pid = int(path.stem.rpartition("_")[2])
            if not _is_alive(pid):
                mark_process_dead(pid, settings.PROMETHEUS_MULTIPROC_DIR)  # type: ignore[no-untyped-call]
        found: Iterable[Metric] = super().collect()  # type: ignore[no-untyped-call]
        return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
