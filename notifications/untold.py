"""Messages that did not reach their customer, as figures. Each question goes through a partial index.

given_up        for good, within the last day. Without those that ended with their first try: such an address is
                wrong, and only its customer can mend that
tried_in_vain   what still waits after a failure, and was written more than ten minutes ago
nothing_goes    those of them whose channel took no message at all that was written within these ten minutes: it is
                not their addresses, but the provider or our settings
"""

from datetime import timedelta

from django.db.models import Count

from choptym.lib import clock
from choptym.lib.snapshot import Snapshot
from notifications.models import Notification, NotificationState

LOOK_BACK = timedelta(days=1)
# Some mail servers let everybody whom they do not know come twice.
IN_VAIN_AFTER = timedelta(minutes=10)


def read_untold() -> dict[str, int]:
    """How many there are of each kind, also of which there is none."""
    now = clock.now()
    # The lease of its last try ends within a minute of the moment at which it was given up.
    given_up = Notification.objects.filter(
        state=NotificationState.GIVEN_UP, next_attempt_at__gt=now - LOOK_BACK, attempts__gt=1
    )
    waiting = Notification.objects.filter(state=NotificationState.WAITING, created_at__lt=now - IN_VAIN_AFTER)
    counts = waiting.exclude(problem="").order_by().values_list("channel").annotate(Count("pk"))
    in_vain: dict[str, int] = dict(counts)
    sent = Notification.objects.filter(state=NotificationState.SENT, created_at__gte=now - IN_VAIN_AFTER)
    return {
        "given_up": given_up.count(),
        "tried_in_vain": sum(in_vain.values()),
        "nothing_goes": sum(count for channel, count in in_vain.items() if not sent.filter(channel=channel).exists()),
    }


untold = Snapshot(read_untold, seconds=5.0)
