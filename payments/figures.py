"""What the document says of the queue's figures. The bodies are made in payments/stats.py."""

# ruff: noqa: N815 - the names are those of the contract

from typing import Any

from rest_framework import serializers

from choptym.lib.openapi import Word
from payments.models import QueueMode

MEASURED = "Seconds, over the last minutes; 0 when nothing was measured."


class FiguresOutput(serializers.Serializer[Any]):
    """Counts of payments. totalProcessed = successful + failed + cancelled + expired + inReview."""

    totalProcessed = serializers.IntegerField(help_text="All that have ended.")
    successful = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Refused or not reached. What a customer cancelled is not a failure.")
    cancelled = serializers.IntegerField()
    expired = serializers.IntegerField(help_text="Nobody approved in time.")
    inReview = serializers.IntegerField(help_text="A person looks.")
    retried = serializers.IntegerField(help_text="Those that took more than one attempt.")
    averageProcessingTime = serializers.FloatField(help_text=f"From our call to the gateway's acceptance. {MEASURED}")
    averageWaitingTime = serializers.FloatField(help_text=f"From checkout to our call of the gateway. {MEASURED}")
    queueLength = serializers.IntegerField()
    processing = serializers.IntegerField(help_text="With a gateway now.")
    maxConcurrent = serializers.IntegerField(help_text="Charges in flight at once, as the limits stand now.")


class QueueStatusOutput(FiguresOutput):
    priorities = serializers.DictField(child=FiguresOutput(), help_text="By priority: 3 high, 2 medium, 1 normal.")
    gateways = serializers.DictField(child=FiguresOutput(), help_text="By gateway, and wallet.")
    modes = serializers.DictField(
        child=Word("QueueMode", lambda: QueueMode.values), help_text="By gateway, and wallet."
    )


class PercentilesOutput(serializers.Serializer[Any]):
    """Seconds that so many of a hundred payments did not exceed."""

    p50 = serializers.FloatField()
    p95 = serializers.FloatField()
    p99 = serializers.FloatField()


class MetricsOutput(serializers.Serializer[Any]):
    queueLength = serializers.IntegerField()
    processing = serializers.IntegerField()
    processingRatePerMinute = serializers.FloatField(help_text="Settled.")
    startedPerMinute = serializers.FloatField(help_text="Sent to a gateway.")
    endedPerMinute = serializers.FloatField(help_text="Settled or failed.")
    started = serializers.IntegerField(help_text="Sent to a gateway within the window: what retryRate is measured on.")
    ended = serializers.IntegerField(help_text="Settled or failed within the window: what the other rates are about.")
    successRate = serializers.FloatField(help_text="0 to 1; 1 when nothing ended.")
    errorRate = serializers.FloatField(help_text="0 to 1; 0 when nothing ended.")
    retryRate = serializers.FloatField(help_text="0 to 1; 0 when nothing was started.")
    averageProcessingTime = serializers.FloatField(help_text=f"From our call to the gateway's acceptance. {MEASURED}")
    averageWaitingTime = serializers.FloatField(help_text=f"From checkout to our call of the gateway. {MEASURED}")
    processingTimePercentiles = PercentilesOutput(help_text=f"Of the time that averageProcessingTime is of. {MEASURED}")
    waitingTimePercentiles = PercentilesOutput(help_text=f"Of the time that averageWaitingTime is of. {MEASURED}")
    windowSeconds = serializers.IntegerField(help_text="How far back rates and averages look.")
