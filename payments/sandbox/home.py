"""The sandbox's front page: what each gateway is told to do, where to tell it otherwise, and what it booked last."""

import json
from collections.abc import Mapping
from html import escape
from itertools import islice

from payments.sandbox.books import Entry
from payments.sandbox.calls import Answer, as_html
from payments.sandbox.clock import Clock, as_iso
from payments.sandbox.gateway import Gateway

SHOWN_ENTRIES = 20
REFRESH_SECONDS = 3

STYLE = """
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.15rem; margin: 0; }
section { border: 1px solid #8885; border-radius: .6rem; padding: .9rem; margin: 1rem 0; }
code { overflow-wrap: anywhere; }
.scrolls { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: start; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #8883; white-space: nowrap; }
td.amount { text-align: end; font-variant-numeric: tabular-nums; }
.state { border-radius: 1rem; padding: .05rem .6rem; background: #8883; }
.collected, .paid_back { background: #2a93; } .failed, .expired { background: #d333; }
"""


def draw_home(gateways: Mapping[str, Gateway], clock: Clock) -> Answer:
    sections = "".join(_draw_gateway(gateways[name]) for name in sorted(gateways))
    return as_html(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sandbox of the gateways</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}"><style>{STYLE}</style></head>'
        f"<body><h1>Sandbox of the gateways</h1><p>No money moves. Its time: {as_iso(clock.now())}. "
        f'For programs: <a href="/control">/control</a>.</p><main>{sections}</main></body></html>'
    )


def _draw_gateway(gateway: Gateway) -> str:
    at = f"/control/{escape(gateway.name)}"
    links = (at, f"{at}/books?limit={SHOWN_ENTRIES}", f"{at}/webhooks")
    control = " · ".join(f'<a href="{link}">{link}</a>' for link in links)
    knobs = "".join(f"<li><code>{escape(line)}</code></li>" for line in _turned(gateway)) or "<li>none</li>"
    return (
        f"<section><h2>{escape(gateway.name)}</h2><p>{control}</p>"
        f"<p>Knobs that differ from their defaults (change them with <code>PATCH {at}</code>):</p><ul>{knobs}</ul>"
        f"{_draw_entries(gateway)}</section>"
    )


def _turned(gateway: Gateway) -> list[str]:
    """Return what was turned, for all payers and for single phones."""
    untouched = type(gateway.knobs)(webhook_url=gateway.knobs.webhook_url).as_json()
    turned = [
        f"{name} = {json.dumps(value)}" for name, value in gateway.knobs.as_json().items() if value != untouched[name]
    ]
    return turned + [f"{phone}: {json.dumps(override)}" for phone, override in gateway.overrides.as_json().items()]


def _draw_entries(gateway: Gateway) -> str:
    """The newest first."""
    newest = islice(reversed(gateway.books.entries), SHOWN_ENTRIES)
    show = gateway.dialect.show_money
    rows = "".join(_draw_entry(entry, show(entry.amount_minor, entry.currency)) for entry in newest)
    if not rows:
        return "<p>No transaction yet.</p>"
    names = ("#", "time", "kind", "phone", "amount", "state", "reference", "id here")
    head = "".join(f"<th>{name}</th>" for name in names)
    return f'<div class="scrolls"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _draw_entry(entry: Entry, money: str) -> str:
    reason = f" {escape(entry.reason)}" if entry.reason else ""
    return (
        f"<tr><td>{entry.number}</td><td>{as_iso(entry.created_at)[11:19]}</td><td>{entry.kind}</td>"
        f'<td>{escape(entry.phone)}</td><td class="amount">{escape(money)}</td>'
        f'<td><span class="state {entry.state}">{entry.state}</span>{reason}</td>'
        f"<td><code>{escape(entry.reference)}</code></td><td><code>{escape(entry.gateway_id)}</code></td></tr>"
    )
