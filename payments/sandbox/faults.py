"""A call to a gateway, from its first byte to its answer, with everything that can go wrong on the way."""

import asyncio
from dataclasses import replace

from aiohttp import web

from payments.sandbox.calls import Answer, Call, as_html
from payments.sandbox.dialects.base import Operation
from payments.sandbox.gateway import Gateway
from payments.sandbox.knobs import Knobs

HOLD_STEP_SECONDS = 0.05  # how soon we notice that a caller who is kept waiting has hung up
BAD_GATEWAY_PAGE = as_html("<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>", 502)


class HangUpError(Exception):
    """No answer: the connection is dropped, after this long."""

    def __init__(self, after_seconds: float = 0.0) -> None:
        super().__init__()
        self.after_seconds = after_seconds


async def serve_call(gateway: Gateway, request: web.BaseRequest, tail: str) -> Answer | None:
    """Answer a call; None: the connection was dropped instead."""
    traffic = gateway.traffic  # this one also when a reset comes while we wait
    traffic.enter(gateway.clock.now())
    try:
        body = await request.read()
        refusal = _turn_away(gateway)
        return refusal if refusal is not None else await _answer(gateway, request, tail, body)
    except HangUpError as hang_up:
        await _hold(request, hang_up.after_seconds)
        return None
    finally:
        traffic.leave()


def _turn_away(gateway: Gateway) -> Answer | None:
    knobs = gateway.knobs
    if knobs.outage:
        return gateway.dialect.error(503, "Service unavailable")
    if knobs.rate_limit_per_second is None:
        return None
    wait_seconds = gateway.traffic.admit(gateway.clock.now(), knobs.rate_limit_per_second)
    if not wait_seconds:
        return None
    answer = gateway.dialect.error(429, "Too many requests")
    if knobs.retry_after_header:
        after = {"Retry-After": str(max(1, round(wait_seconds)))}
        answer = replace(answer, headers={**(answer.headers or {}), **after})
    return answer


async def _answer(gateway: Gateway, request: web.BaseRequest, tail: str, body: bytes) -> Answer:
    origin = f"http://{request.headers.get('Host', 'localhost')}"
    call = Call(request.method, tail, request.query, request.headers, body, origin, knobs=gateway.knobs)
    operation = gateway.dialect.find(call)
    if isinstance(operation, Answer):
        return operation
    repeated = gateway.dialect.repeat(call)
    if repeated is not None:
        return gateway.dialect.dress(call, repeated)
    answer: Answer | None = None
    try:
        _identify(gateway, call, operation)
        await _wait(gateway, call)
        answer = _fail_before(gateway, call) or gateway.dialect.refuse(call) or operation.run(call)
        if call.created is not None:
            answer = await _answer_created(gateway, call, answer)
    finally:
        # Also when nobody hears the answer: a gateway remembers what it would have said.
        gateway.dialect.remember(call, answer)
    return gateway.dialect.dress(call, answer)


def _identify(gateway: Gateway, call: Call, operation: Operation) -> None:
    """Find what chance is rolled on, and the override of the phone that this call wants to charge."""
    if not operation.creates:
        call.key = gateway.key_for(call.tail) if _is_rolling(call.knobs) else call.tail
        return
    reference, phone = gateway.dialect.subject(call)
    call.key = gateway.key_for(reference or phone)
    call.override = gateway.overrides.take(phone) if phone else {}
    if call.override:
        call.knobs = replace(gateway.knobs, **call.override)


def _is_rolling(knobs: Knobs) -> bool:
    """Whether any fault of a plain read is switched on; if not, counting reads would be work for nothing."""
    return bool(
        knobs.latency_jitter_ms
        or knobs.busy_rate
        or knobs.error_rate
        or knobs.html_error_rate
        or knobs.timeout_rate
        or knobs.reset_rate
    )


async def _wait(gateway: Gateway, call: Call) -> None:
    """The gateway thinks, about so many calls at once. It goes on when the caller hangs up, as the real ones do."""
    latency_ms = float(call.knobs.latency_ms)
    if call.knobs.latency_jitter_ms:
        latency_ms += call.knobs.latency_jitter_ms * gateway.chance.roll(call.key, "latency_jitter")
    async with gateway.traffic.serving(lambda: gateway.knobs.capacity):
        if latency_ms:
            await asyncio.sleep(latency_ms / 1000)


def _fail_before(gateway: Gateway, call: Call) -> Answer | None:
    """Go wrong before anything has happened. Raises HangUpError."""
    knobs, happens = call.knobs, gateway.chance.happens
    if happens(knobs.reset_rate, call.key, "reset"):
        raise HangUpError
    if happens(knobs.timeout_rate, call.key, "timeout"):
        raise HangUpError(knobs.timeout_hold_ms / 1000)
    if happens(knobs.busy_rate, call.key, "busy"):
        return gateway.dialect.error(429, "Too many requests")
    if happens(knobs.error_rate, call.key, "error"):
        return gateway.dialect.error(500, "Internal server error")
    if happens(knobs.html_error_rate, call.key, "html_error"):
        return BAD_GATEWAY_PAGE
    return None


async def _answer_created(gateway: Gateway, call: Call, answer: Answer) -> Answer:
    """Go wrong, or be late, although the transaction exists. Raises HangUpError."""
    knobs, happens, entry = call.knobs, gateway.chance.happens, call.created
    if entry is not None and happens(knobs.webhook_before_answer_rate, call.key, "webhook_before_answer"):
        gateway.life.hear_now(entry)
        await gateway.sender.wait_for(entry)
    if knobs.answer_held_ms:
        await asyncio.sleep(knobs.answer_held_ms / 1000)
    if happens(knobs.timeout_after_capture_rate, call.key, "timeout_after_capture"):
        raise HangUpError(knobs.timeout_hold_ms / 1000)
    if happens(knobs.error_after_capture_rate, call.key, "error_after_capture"):
        return gateway.dialect.error(500, "Internal server error")
    return answer


async def _hold(request: web.BaseRequest, seconds: float) -> None:
    """Keep the caller waiting, then drop the connection. A caller who has hung up stops counting as in flight."""
    transport = request.transport
    ends_at = asyncio.get_running_loop().time() + seconds
    while transport is not None and not transport.is_closing():
        left_seconds = ends_at - asyncio.get_running_loop().time()
        if left_seconds <= 0:
            transport.abort()
            return
        await asyncio.sleep(min(HOLD_STEP_SECONDS, left_seconds))
