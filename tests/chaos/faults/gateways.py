"""The gateways: away, slow, babbling; one of them, or all."""

import random
from collections.abc import Callable
from typing import Any

from tests.chaos.faults.base import Fault, rest
from tests.chaos.weather import GATEWAYS
from tests.chaos.world import World, turned


def one(**knobs: Any) -> Callable[[World, random.Random], None]:
    """One gateway, chosen by the seed, is like this for a while."""

    def be_ill(world: World, chance: random.Random) -> None:
        with turned(world, [chance.choice(list(GATEWAYS))], **knobs):
            rest(world, chance, 12, 16)

    return be_ill


def all_down(world: World, chance: random.Random) -> None:
    """Nobody answers anything but 503."""
    with turned(world, GATEWAYS, outage=True):
        rest(world, chance, 12, 16)


def no_webhooks(world: World, chance: random.Random) -> None:
    """No gateway tells us anything: only asking helps."""
    with turned(world, GATEWAYS, webhooks_enabled=False):
        rest(world, chance, 10, 12)


FAULTS = (
    Fault("gateway_down", "one gateway answers 503 to everything", one(outage=True)),
    Fault("gateway_slow", "one gateway takes 4 s for every answer", one(latency_ms=4_000)),
    Fault("gateway_garbage", "one gateway answers with pages of HTML", one(html_error_rate=1.0)),
    Fault("gateway_silent", "one gateway does what it is told, and never says so", one(timeout_after_capture_rate=1.0)),
    Fault("gateways_down", "every gateway answers 503 to everything", all_down),
    Fault("webhooks_lost", "no gateway sends a webhook", no_webhooks),
)
