"""How long before its moment a place in a gateway's line is asked for: as long as this process needs to be there.

Usually nothing. On a machine whose cores are all in use the way to Redis and back takes longer than a place is good
for; whoever came too late would ask again, and come too late again.
"""

from collections import defaultdict

LONGEST_SECONDS = 0.5
# Of what was enough once a little less is tried the next time.
EASES = 0.97


class Lead:
    """Threads share it: what gets lost between two of them is learnt again."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def note(self, late_seconds: float) -> None:
        """So much too late for a place, if that is more than nothing."""
        if late_seconds > 0:
            self.seconds = min(LONGEST_SECONDS, self.seconds + late_seconds)
        else:
            self.seconds *= EASES


# By gateway, of this process: for what it asks at once, and for charges, which are claimed first.
to_ask: defaultdict[str, Lead] = defaultdict(Lead)
to_claim: defaultdict[str, Lead] = defaultdict(Lead)
