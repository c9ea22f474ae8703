"""The limits and the profile that hold now, as metrics."""

from collections.abc import Iterator

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import RedisError

from payments import in_force
from payments.throttle.rate import pace_of


def limits() -> Iterator[Metric]:
    """Gateway "": for all together. `per_second` is the pace as it is now, below the limit after a 429."""
    now = in_force.current()
    family = GaugeMetricFamily(
        "choptym_limit",
        "What may be done now: by settings, people, profile and control loop",
        labels=["gateway", "kind"],
    )
    for kind, figure in (("concurrent", now.max_concurrent), ("batch", now.batch_size), ("attempts", now.attempts)):
        family.add_metric(["", kind], figure)
    for name in settings.GATEWAYS:
        family.add_metric([name, "concurrent"], in_force.limits_of(name).most)
        family.add_metric([name, "per_second"], _per_second(name))
    yield family
    profile = GaugeMetricFamily("choptym_profile", "1 for the profile that holds now", labels=["profile"])
    profile.add_metric([now.profile], 1)
    yield profile


def _per_second(gateway: str) -> float:
    """Without Redis nothing is sent."""
    try:
        return pace_of(gateway)
    except RedisError:
        return 0.0
