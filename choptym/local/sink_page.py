"""The page of the sink: the newest messages first."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Protocol

REFRESH_SECONDS = 3

STYLE = """
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
body { max-width: 46rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; }
.counts { display: flex; gap: .5rem; flex-wrap: wrap; padding: 0; list-style: none; }
.counts li, .channel { border-radius: 1rem; padding: .1rem .7rem; background: #8883; }
article { border: 1px solid #8885; border-radius: .6rem; padding: .7rem .9rem; margin: .7rem 0; }
article { overflow-wrap: anywhere; }
header { display: flex; gap: .6rem; flex-wrap: wrap; align-items: baseline; font-size: .9rem; }
.sms { background: #2a93; } .push { background: #93c3; } .email { background: #38d3; }
h2 { font-size: 1rem; margin: .5rem 0 0; }
p { white-space: pre-line; margin: .4rem 0 0; }
time { margin-inline-start: auto; opacity: .75; }
"""


class Shown(Protocol):
    @property
    def received_at(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def to(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...


def draw_page(messages: Iterable[Shown], counts: Mapping[str, int]) -> str:
    totals = "".join(f"<li>{escape(channel)}: {count}</li>" for channel, count in sorted(counts.items()))
    articles = "".join(map(_draw, messages)) or "<p>No message yet. Pay for something.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>ChopTym: messages</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}"><style>{STYLE}</style></head>'
        f'<body><h1>Messages to customers</h1><ul class="counts">{totals}</ul><main>{articles}</main></body></html>'
    )


def _draw(message: Shown) -> str:
    subject = f"<h2>{escape(message.subject)}</h2>" if message.subject else ""
    return (
        f'<article><header><span class="channel {escape(message.channel)}">{escape(message.channel)}</span>'
        f"<strong>{escape(message.to)}</strong>"
        f'<time datetime="{escape(message.received_at)}">{escape(message.received_at[11:19])} UTC</time></header>'
        f"{subject}<p>{escape(message.text)}</p></article>"
    )
