"""The hosted payment page behind a link, for a browser (HTML) and for tests (JSON).

    GET  <link>                                     the page, or its state
    POST <link>  action=pay|decline, phone=67…      what the payer does (form or JSON)

In a browser, a finished payment sends the payer back to the merchant's address.
"""

from html import escape

from aiohttp import web

from payments.sandbox.books import Entry, State
from payments.sandbox.calls import Answer, as_html, as_json, parse_object
from payments.sandbox.gateway import Gateway

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox payment</title>{refresh}<style>{style}</style></head><body>
<h1>{amount}</h1><p>Sandbox of {gateway}: no money moves. Status: <b id="state">{state}</b></p>
{form}</body></html>"""

STYLE = """
:root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; }
body { max-width: 26rem; margin: 0 auto; padding: 1.2rem; }
h1 { font-size: 2rem; margin: 1rem 0 .3rem; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { min-height: 3.2rem; border-radius: .7rem; padding: .6rem .9rem; margin: .4rem 0 .8rem; }
input { border: 1px solid #8888; }
button { border: 0; font-weight: 600; background: #8883; color: inherit; cursor: pointer; }
button[value=pay] { background: #176b3a; color: #fff; }
"""

FORM = """<form method="post">
<label>Phone <input name="phone" type="tel" inputmode="numeric" value="{phone}" pattern="{pattern}" required></label>
<button name="action" value="pay">Pay</button><button name="action" value="decline">Decline</button></form>"""


async def serve(gateway: Gateway, request: web.BaseRequest, link_id: str) -> Answer:
    entry = gateway.books.by_link_id.get(link_id)
    wants_json = "application/json" in request.headers.get("Accept", "")
    if entry is None:
        return as_json({"code": "not_found"}, 404) if wants_json else as_html("<h1>No such payment</h1>", 404)
    if request.method == "POST":
        form = await _read_form(request)
        problem = _act(gateway, entry, form)
        if problem:
            return as_json({"code": problem}, 409 if problem == "closed" else 400)
        if not wants_json:
            return Answer(303, headers={"Location": request.path})
    return _show_state(gateway, entry) if wants_json else _show_page(gateway, entry)


async def _read_form(request: web.BaseRequest) -> dict[str, str]:
    if request.content_type == "application/json":
        document = parse_object(await request.read()) or {}
        return {name: str(value) for name, value in document.items()}
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _is_open(gateway: Gateway, entry: Entry) -> bool:
    """Whether the visitor may try: not paid, not expired, and no try under way."""
    is_waiting = entry.state is State.FAILED or (entry.state is State.PENDING and not entry.tries)
    return is_waiting and gateway.dialect.is_payable(entry)


def _act(gateway: Gateway, entry: Entry, form: dict[str, str]) -> str:
    """Do what the visitor asks; returns the code of what is wrong with it, or ""."""
    numbering = gateway.dialect.numbering
    phone = form.get("phone") or entry.phone or numbering.default_payer
    action = form.get("action")
    if action not in {"pay", "decline"}:
        return "bad_action"
    if not numbering.is_national(phone):
        return "bad_phone"
    if not _is_open(gateway, entry):
        return "closed"
    entry.phone, entry.operator = phone, numbering.find_operator(phone)
    entry.override = entry.override or gateway.overrides.take(phone)
    if action == "pay":
        gateway.life.ask(entry)
    else:
        gateway.life.decline(entry)
    return ""


def _show_state(gateway: Gateway, entry: Entry) -> Answer:
    return as_json(
        {
            "gateway_id": entry.gateway_id,
            "state": entry.state,
            "is_open": _is_open(gateway, entry),
            "amount_minor": entry.amount_minor,
            "currency": entry.currency,
            "return_url": gateway.dialect.return_url(entry),
        }
    )


def _show_page(gateway: Gateway, entry: Entry) -> Answer:
    return_url = gateway.dialect.return_url(entry)
    if return_url and entry.state in (State.COLLECTED, State.EXPIRED):
        return Answer(302, headers={"Location": return_url})
    is_waiting = entry.state is State.PENDING and not _is_open(gateway, entry)
    form = _show_form(gateway, entry) if _is_open(gateway, entry) else ""
    if return_url and entry.state is State.FAILED:
        form += f'<p><a href="{escape(return_url)}">Back to the shop</a></p>'
    return as_html(
        PAGE.format(
            refresh='<meta http-equiv="refresh" content="1">' if is_waiting else "",
            style=STYLE,
            amount=gateway.dialect.show_money(entry.asked_minor, entry.currency),
            gateway=escape(gateway.name),
            state=entry.state,
            form=form,
        )
    )


def _show_form(gateway: Gateway, entry: Entry) -> str:
    numbering = gateway.dialect.numbering
    return FORM.format(phone=escape(entry.phone or numbering.default_payer), pattern=escape(numbering.pattern))
