"""Webhook events that name nothing of ours: looked up a few at a time, so that a flood of them delays nobody.

One may be the answer to a call whose own answer was lost, of a gateway that does not repeat our reference. Most are
somebody else's. Each gateway has a few threads for them, apart from those that ask about our own payments.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from payments import in_force
from payments.locks import claim_strangers
from payments.match import look_again

STRANGER_THREADS = 2
STRANGER_BATCH = 10


def look_up_strangers(gateway: str) -> int:
    """Ask one gateway about a few parked events. Returns how many; 0 when none is due, or the gateway is stopped.

    Network: one status query per hint.
    Commits: each event by itself.
    """
    if not in_force.may_ask(gateway):
        return 0  # a look that cannot be taken would count
    looks = claim_strangers(gateway, STRANGER_BATCH)
    look_again(gateway, _threads(gateway), looks)
    return len(looks)


@cache
def _threads(gateway: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(STRANGER_THREADS, thread_name_prefix=f"strangers-{gateway}")
