"""The few streams of a customer: whose end is not seen, and whose is. With real clients: tests/flows/test_stream.py."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from payments.stream import STREAMS_EACH, Hub, TooManyStreams, _lines, hub

ANA, BEN = 1_000_001, 1_000_002


@pytest.fixture(autouse=True)
def _by_count_alone() -> Iterator[None]:
    """What is let go of is gone at once, and not because somebody swept up just then."""
    gc.disable()
    yield
    gc.enable()


def test_each_customer_has_a_few_places() -> None:
    own = Hub()
    taken = [own.take_place(ANA) for _ in range(STREAMS_EACH)]

    with pytest.raises(TooManyStreams):
        own.take_place(ANA)

    assert own.take_place(BEN)
    own.leave(taken.pop())
    again = own.take_place(ANA)
    with pytest.raises(TooManyStreams):
        own.take_place(ANA)
    assert again.key not in {place.key for place in taken}


def test_a_stream_that_never_began_holds_no_place() -> None:
    streams = [_lines(hub.take_place(ANA), (1, "en"), {"status": "SETTLED"}) for _ in range(STREAMS_EACH)]
    with pytest.raises(TooManyStreams):
        hub.take_place(ANA)

    streams.pop()

    assert hub.take_place(ANA)


def test_a_stream_that_was_broken_off_holds_no_place_though_somebody_keeps_the_reason() -> None:
    """A traceback holds all that its functions held."""
    reasons: list[asyncio.CancelledError] = []

    async def begin_and_break_off() -> None:
        for stream in streams:
            await anext(stream)
            try:
                await stream.athrow(asyncio.CancelledError)  # type: ignore[attr-defined]
            except asyncio.CancelledError as reason:
                reasons.append(reason)

    streams = [_lines(hub.take_place(BEN), (1, "en"), {"status": "PENDING"}) for _ in range(STREAMS_EACH)]

    asyncio.run(begin_and_break_off())

    again = [hub.take_place(BEN) for _ in range(STREAMS_EACH)]
    assert len({place.key for place in again}) == len(reasons) == STREAMS_EACH
