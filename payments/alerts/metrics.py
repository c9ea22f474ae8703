"""What Prometheus is told of alerts, canaries and the last proof."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily, Metric

from choptym.lib import clock
from payments.alerts.silence import age_of_canary
from payments.models import Alert, AlertCheck, AlertNotice, BooksProof, Worker


def alert_metrics() -> Iterator[Metric]:
    """From a few small rows. Raises DatabaseError or PoolTimeout."""
    yield _open_alerts()
    yield _canaries()
    yield from _books()
    yield from _checks()
    yield from _untold()


def _open_alerts() -> Metric:
    metric = GaugeMetricFamily("choptym_alert_open", "Alerts that are open", labels=["rule", "place", "severity"])
    for row in Alert.objects.filter(closed_at__isnull=True).values_list("rule", "place", "severity"):
        metric.add_metric(list(row), 1)
    return metric


def _canaries() -> Metric:
    help_text = "Since a worker last answered its canary"
    metric = GaugeMetricFamily("choptym_worker_canary_age_seconds", help_text, labels=["worker"])
    for worker in Worker.objects.filter(ended_at__isnull=True):
        metric.add_metric([worker.name], age_of_canary(worker))
    return metric


def _books() -> Iterator[Metric]:
    breaks = GaugeMetricFamily("choptym_books_breaks", "Breaks that the last proof of the books found", labels=["kind"])
    age = GaugeMetricFamily("choptym_books_proof_age_seconds", "Since the last proof of the books")
    for proof in BooksProof.objects.all():
        for kind, count in proof.breaks.items():
            breaks.add_metric([kind], count)
        age.add_metric([], (clock.now() - proof.proved_at).total_seconds())
    yield from (breaks, age)


def _checks() -> Iterator[Metric]:
    """An alert rule of Prometheus on the first: nothing here can tell that nothing here is running."""
    age = GaugeMetricFamily("choptym_alerts_checked_age_seconds", "Since the rules were looked at", labels=["group"])
    unread = GaugeMetricFamily("choptym_alert_figure_unread", "A rule's figure could not be read", labels=["rule"])
    for check in AlertCheck.objects.all():
        age.add_metric([check.name], (clock.now() - check.checked_at).total_seconds())
        for rule in check.unread:
            unread.add_metric([rule], 1)
    yield from (age, unread)


def _untold() -> Iterator[Metric]:
    waiting = AlertNotice.objects.filter(next_tell_at__isnull=False).aggregate(
        count=Count("pk"), since=Min("created_at")
    )
    yield GaugeMetricFamily("choptym_alert_untold", "Messages of alerts that wait to be sent", value=waiting["count"])
    age = (clock.now() - waiting["since"]).total_seconds() if waiting["since"] else 0
    yield GaugeMetricFamily("choptym_alert_untold_seconds", "How long the oldest of them has waited", value=age)
