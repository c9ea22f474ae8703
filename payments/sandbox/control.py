"""The control side: knobs, books, webhooks, seed and clock, as JSON. Not part of any gateway."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from aiohttp import web

from payments.sandbox.calls import Answer, as_json, parse_object
from payments.sandbox.clock import Clock, as_iso
from payments.sandbox.gateway import Gateway
from payments.sandbox.knobs import BadKnobError

DEFAULT_SEED = 1


def _refuse(status: int, code: str, message: str, field: str | None = None) -> Answer:
    return as_json({"code": code, "message": message, "field": field}, status)


async def serve(gateways: Mapping[str, Gateway], clock: Clock, request: web.BaseRequest, path: str) -> Answer:
    body = parse_object(await request.read() or b"{}")
    if body is None:
        return _refuse(400, "bad_json", "the body must be a JSON object")
    match [request.method, *path.strip("/").split("/")]:
        case ["GET", "control"]:
            return as_json({"gateways": sorted(gateways), "now": as_iso(clock.now())})
        case ["POST", "control", "reset"]:
            return _reset(gateways, clock, body)
        case ["POST", "control", "clock"]:
            return _advance(clock, body)
        case [method, "control", name, *rest] if name in gateways:
            return _steer(gateways[name], method, "/".join(rest), request.query, body)
    return _refuse(404, "not_found", f"nothing at {request.method} {request.path}")


def _steer(gateway: Gateway, method: str, what: str, query: Mapping[str, str], body: dict[str, Any]) -> Answer:
    match method, what:
        case "GET", "":
            return _show_knobs(gateway)
        case "PATCH", "":
            return _turn_knobs(gateway, body)
        case "GET", "books":
            return _show_books(gateway, query)
        case "GET", "webhooks":
            return as_json({"webhooks": gateway.sender.as_json(query.get("gateway_id"))})
        case "POST", _:
            return _order(gateway, what, body)
    return _refuse(404, "not_found", f"nothing at {method} {what}")


def _order(gateway: Gateway, what: str, body: dict[str, Any]) -> Answer:
    match what:
        case "webhooks/resend":
            return _resend(gateway, body.get("gateway_id"))
        case "webhooks/take":
            return as_json({"webhooks": [asdict(held) for held in gateway.sender.take_held()]})
        case "payer":
            return _decide(gateway, body.get("gateway_id"), body.get("decides"))
    return _refuse(404, "not_found", f"nothing at POST {what}")


def _show_knobs(gateway: Gateway) -> Answer:
    return as_json({**gateway.knobs.as_json(), "phones": gateway.overrides.as_json()})


def _turn_knobs(gateway: Gateway, body: dict[str, Any]) -> Answer:
    try:
        gateway.turn(body)
    except BadKnobError as problem:
        return _refuse(400, problem.code, str(problem), problem.knob)
    return _show_knobs(gateway)


def _show_books(gateway: Gateway, query: Mapping[str, str]) -> Answer:
    limit = query.get("limit", "")
    entries = islice(gateway.books.find(query), int(limit) if limit.isdecimal() else None)
    return as_json(
        {
            "entries": [entry.as_json() for entry in entries],
            "opened_at": as_iso(gateway.books.opened_at),
            "totals": gateway.books.totals(),
            "in_flight": gateway.traffic.in_flight,
            "most_in_flight": gateway.traffic.most_in_flight,
            "most_in_one_second": gateway.traffic.most_in_one_second,
            "calls": gateway.traffic.calls,
            "turned_away": gateway.traffic.turned_away,
            "webhooks_held": gateway.sender.held,
        }
    )


def _resend(gateway: Gateway, gateway_id: object) -> Answer:
    entry = gateway.books.by_gateway_id.get(gateway_id) if isinstance(gateway_id, str) else None
    if entry is None:
        return _refuse(404, "unknown_transaction", "no transaction with this gateway_id", "gateway_id")
    if not gateway.sender.has_receiver:
        return _refuse(409, "no_webhook_url", "the gateway has no webhook_url, and does not hold its webhooks")
    gateway.sender.resend(entry)
    return as_json({"gateway_id": entry.gateway_id, "state": entry.state}, 202)


def _decide(gateway: Gateway, gateway_id: object, decision: object) -> Answer:
    entry = gateway.books.by_gateway_id.get(gateway_id) if isinstance(gateway_id, str) else None
    if entry is None:
        return _refuse(404, "unknown_transaction", "no transaction with this gateway_id", "gateway_id")
    if decision not in ("pay", "decline"):
        return _refuse(400, "bad_value", 'decides must be "pay" or "decline"', "decides")
    if not gateway.life.order(entry, pays=decision == "pay"):
        return _refuse(409, "already_ended", f"the transaction is {entry.state}")
    return as_json({"gateway_id": entry.gateway_id, "state": entry.state})


def _reset(gateways: Mapping[str, Gateway], clock: Clock, body: dict[str, Any]) -> Answer:
    seed = body.get("seed", DEFAULT_SEED)
    if not isinstance(seed, int) or isinstance(seed, bool):
        return _refuse(400, "bad_value", "seed must be a whole number", "seed")
    knobs = body.get("knobs", {})
    if not isinstance(knobs, dict) or not all(isinstance(knobs.get(name, {}), dict) for name in gateways):
        return _refuse(400, "bad_value", "knobs must be an object: gateway → knobs", "knobs")
    clock.reset()
    for gateway in gateways.values():
        gateway.reset(seed)
    return _turn_all(gateways, knobs) or as_json({"seed": seed})


def _turn_all(gateways: Mapping[str, Gateway], knobs: Mapping[str, Any]) -> Answer | None:
    """The knobs of the new world, by gateway; the answer is a refusal."""
    for name, changes in knobs.items():
        if name not in gateways:
            return _refuse(400, "bad_value", f"there is no gateway {name}", "knobs")
        try:
            gateways[name].turn(changes)
        except BadKnobError as problem:
            return _refuse(400, problem.code, str(problem), problem.knob)
    return None


def _advance(clock: Clock, body: dict[str, Any]) -> Answer:
    seconds = body.get("advance_seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 10**9:
        return _refuse(400, "bad_value", "advance_seconds must be a number of at least 0", "advance_seconds")
    clock.advance(seconds)
    return as_json({"now": as_iso(clock.now())})
