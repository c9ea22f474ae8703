"""What the API reads and shows of orders about the queue."""

from typing import Any

from rest_framework import serializers

from choptym.audit.record import REASON_LENGTH
from choptym.lib.openapi import Word
from choptym.lib.text_field import TextField
from payments import in_force
from payments.models import QueueMode
from payments.profiles import NAMES
from payments.progress import iso
from payments.refund_serializers import KnownFieldsOnly
from payments.steering.pin_profile import AUTO
from payments.steering.write import ALL_WORD, Steered, name_of

GATEWAY = f"A gateway, `wallet`, or `{ALL_WORD}`."


class ResumeInput(KnownFieldsOnly):
    """POST /api/payment/queue/resume"""

    gateway = TextField(max_length=20, help_text=GATEWAY)
    reason = TextField(max_length=REASON_LENGTH, help_text="Kept in the audit log.")


class HoldInput(ResumeInput):
    """POST /api/payment/queue/stop and …/drain"""

    until = serializers.DateTimeField(
        required=False,
        allow_null=True,
        default=None,
        help_text="When it runs again by itself; null: when it is resumed.",
    )


class LimitsInput(ResumeInput):
    """POST /api/payment/queue/set"""

    max_concurrent = serializers.IntegerField(
        required=False, allow_null=True, help_text="Calls in flight. Null: what the settings say. Left out: as it is."
    )
    rate_per_second = serializers.IntegerField(
        required=False, allow_null=True, help_text="Calls a second, of one gateway only. Null and left out: the same."
    )


class ClearInput(KnownFieldsOnly):
    """POST /api/payment/queue/clear-completed"""

    reason = TextField(max_length=REASON_LENGTH, help_text="Kept in the audit log.")


class ProfileInput(ClearInput):
    """POST /api/payment/queue/profile"""

    profile = TextField(
        max_length=20, help_text=f"{', '.join(f'`{name}`' for name in NAMES)}; `{AUTO}`: by clock and load."
    )


class ProfileOutput(serializers.Serializer[Any]):
    """What holds now."""

    profile = serializers.CharField(help_text="The profile whose figures hold.")
    max_concurrent = serializers.IntegerField(help_text="Charges at once, at all gateways together.")
    batch_size = serializers.IntegerField()
    attempts = serializers.IntegerField()


class OrderedOutput(serializers.Serializer[Any]):
    """It is done within seconds, by the workers."""

    ordered = serializers.BooleanField()


class SteeredOutput(serializers.Serializer[Any]):
    """What was ordered, and what holds now."""

    gateway = serializers.CharField(help_text=GATEWAY)
    mode = Word(
        "QueueMode", lambda: QueueMode.values, help_text="What holds: the stricter of its own and that for all."
    )
    ordered = Word("QueueMode", lambda: QueueMode.values, help_text="What is ordered for this one.")
    until = serializers.DateTimeField(allow_null=True, help_text="When what is ordered ends by itself.")
    max_concurrent = serializers.IntegerField(allow_null=True, help_text="As set by a person; null: nobody has.")
    rate_per_second = serializers.IntegerField(allow_null=True, help_text="As set by a person; null: nobody has.")
    reason = serializers.CharField()
    note = serializers.CharField(help_text="What else is in the way, in words; else empty.")
    modes = serializers.DictField(child=Word("QueueMode", lambda: QueueMode.values), help_text="Of all others too.")


def show_steered(done: Steered) -> dict[str, Any]:
    """The body that SteeredOutput documents."""
    control = done.control
    return {
        "gateway": name_of(control.gateway),
        "mode": done.mode,
        "ordered": control.mode,
        "until": iso(control.until),
        "max_concurrent": control.max_concurrent,
        "rate_per_second": control.rate_per_second,
        "reason": control.reason,
        "note": done.note,
        "modes": in_force.modes(),
    }
