"""What the document says of the queue's figures. The bodies are made in payments/stats.py."""

# ruff: noqa: N815 - the names are those of the contract

from typing import Any

from rest_framework import serializers


class FiguresOutput(serializers.Serializer[Any]):
    """Counts of payments. totalProcessed = successful + failed + cancelled + expired + inReview."""

    totalProcessed = serializers.IntegerField(help_text="All that have ended.")
    successful = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Refused or not reached. What a customer cancelled is not a failure.")
    cancelled = serializers.IntegerField()
    expired = serializers.IntegerField(help_text="Nobody approved in time.")
    inReview = serializers.IntegerField(help_text="A person looks.")
    retried = serializers.IntegerField(help_text="Those that took more than one attempt.")
    queueLength = serializers.IntegerField()
    processing = serializers.IntegerField(help_text="With a gateway now.")


class QueueStatusOutput(FiguresOutput):
    averageProcessingTime = serializers.FloatField(help_text="Seconds, over the last minutes.")
    averageWaitingTime = serializers.FloatField(help_text="Seconds, over the last minutes.")
    maxConcurrent = serializers.IntegerField()
    priorities = serializers.DictField(child=FiguresOutput(), help_text="By priority: 3 high, 2 medium, 1 normal.")
    gateways = serializers.DictField(child=FiguresOutput(), help_text="By gateway, and wallet.")


class MetricsOutput(serializers.Serializer[Any]):
    queueLength = serializers.IntegerField()
    processing = serializers.IntegerField()
    processingRatePerMinute = serializers.FloatField()
    successRate = serializers.FloatField(allow_null=True, help_text="0 to 1; null when nothing ended.")
    errorRate = serializers.FloatField(allow_null=True, help_text="0 to 1; null when nothing ended.")
    retryRate = serializers.FloatField(allow_null=True, help_text="0 to 1; null when nothing was started.")
    averageProcessingTime = serializers.FloatField(help_text="Seconds.")
    averageWaitingTime = serializers.FloatField(help_text="Seconds.")
    windowSeconds = serializers.IntegerField(help_text="How far back the rates look.")
