"""The mode of each gateway for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from payments import in_force
from payments.models import ALL, QueueMode

_VALUES = {QueueMode.RUN: 0.0, QueueMode.DRAIN: 0.5, QueueMode.STOP: 1.0}


def queue_modes() -> Iterator[Metric]:
    """Of every gateway and the wallet what holds; with the label "" what is ordered for all."""
    metric = GaugeMetricFamily("choptym_queue_mode", "1: stopped; 0.5: drained; 0: runs", labels=["gateway"])
    for name, mode in {**in_force.modes(), ALL: in_force.mode_of(ALL)}.items():
        metric.add_metric([name], _VALUES[mode])
    yield metric
