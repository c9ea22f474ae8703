"""A real webhook, changed in every way that a stranger or a broken gateway might change it. Seeded."""

import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from tests.hostile.signing import Message

# In raw JSON, so that what json.dumps() would not write is among them.
ODD = [
    "null", "true", "0", "-1", "1e400", "-0.0", "NaN", "Infinity", "9" * 30, "1.5", "9223372036854775808", '""', '" "',
    '"\\u0000"', '"\\ud800"', '"None"', '"' + "a" * 3000 + '"', '"' + "☃" * 500 + '"', "[]", "{}", "[[[]]]",
    '{"a": {"b": [1]}}', '"-5"', '"1e9"', '"2500.000000001"', '"USD"', '"0001-01-01T00:00:00+14:00"', "253402300800",
]  # fmt: skip
_MARK = "c0ffee-mark"


@dataclass(frozen=True)
class Mutation:
    """What was done, and what came of it. `is_covered`: a signature over body and time cannot be good any more."""

    name: str
    message: Message
    is_covered: bool = True


def mutations(message: Message, luck: random.Random, most: int) -> list[Mutation]:
    """Up to `most` of them: all kinds, and of the many of a kind a few by luck."""
    kinds = [list(kind) for kind in (_of_bytes(message, luck), _of_json(message, luck), _of_headers(message))]
    share = max(1, most // len(kinds))
    chosen = [one for kind in kinds for one in luck.sample(kind, min(share, len(kind)))]
    return [one for one in chosen if one.message != message]


def _of_bytes(message: Message, luck: random.Random) -> Iterator[Mutation]:
    body = message.body
    changes: dict[str, bytes] = {
        "empty": b"", "null": b"null", "array": b"[" + body + b"]", "twice": body + body, "newline": body + b"\n",
        "bom": b"\xef\xbb\xbf" + body, "utf-16": body.decode().encode("utf-16"), "gzip": gzip.compress(body, mtime=0),
        "deep": b'{"a":' * 5000 + b"1" + b"}" * 5000, "deep array": b"[" * 30000, "cut": body[: len(body) // 2],
        "latin": body[:-1] + b"\xff" + body[-1:], "nul": body[:-1] + b"\x00" + body[-1:],
        "form": urlencode({"payload": body.decode()}).encode(), "many": _with_many_keys(body),
        "large": body[:-1] + b" " * (64 * 1024 - len(body)) + body[-1:],
    }  # fmt: skip
    for name, changed in changes.items():
        yield Mutation(name, replace(message, body=changed))
    for number in range(12):
        at = luck.randrange(len(body)) if body else 0
        bit = bytes([body[at] ^ (1 << luck.randrange(8))]) if body else b"x"
        yield Mutation(f"bit {number}", replace(message, body=body[:at] + bit + body[at + 1 :]))
        yield Mutation(f"less {number}", replace(message, body=body[:at] + body[at + 1 :]))
        yield Mutation(f"more {number}", replace(message, body=body[:at] + bytes([luck.randrange(256)]) + body[at:]))
    for method in ("GET", "PUT"):
        yield Mutation(method, replace(message, method=method), is_covered=False)


def _with_many_keys(body: bytes) -> bytes:
    return body[:-1] + b"".join(b', "k%d": %d' % (number, number) for number in range(2000)) + body[-1:]


def _of_json(message: Message, luck: random.Random) -> Iterator[Mutation]:
    document = json.loads(message.body) if message.body else {}
    for path in list(_paths(document)):
        if not path:
            continue
        for raw in luck.sample(ODD, 4):
            yield Mutation(f"{path} is {raw[:20]}", replace(message, body=_put(document, path, raw)))
        gone = _changed(document, path, lambda parent, key: parent.pop(key))
        yield Mutation(f"{path} is gone", replace(message, body=json.dumps(gone).encode()))
        if isinstance(path[-1], str):
            name = json.dumps(path[-1])
            marked = json.dumps(_changed(document, path, _mark)).replace(f'"{_MARK}"', f'1, {name}: "other"')
            yield Mutation(f"{path} twice", replace(message, body=marked.encode()))


def _mark(parent: Any, key: Any) -> None:
    parent[key] = _MARK


def _put(document: Any, path: tuple[Any, ...], raw: str) -> bytes:
    return json.dumps(_changed(document, path, _mark)).replace(f'"{_MARK}"', raw).encode()


def _changed(document: Any, path: tuple[Any, ...], change: Callable[[Any, Any], object]) -> Any:
    copy = json.loads(json.dumps(document))
    parent = copy
    for step in path[:-1]:
        parent = parent[step]
    change(parent, path[-1])
    return copy


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(document, dict | list):
        steps: Any = document.items() if isinstance(document, dict) else enumerate(document)
        for step, inner in steps:
            yield from _paths(inner, (*path, step))


def _of_headers(message: Message) -> Iterator[Mutation]:
    for name, value in message.headers.items():
        is_covered = name.lower() in {"x-razorpay-signature", "x-webhook-signature", "x-webhook-timestamp"}
        rest = {given: one for given, one in message.headers.items() if given != name}
        odd = [
            "",
            value[:-1],
            value + "0",
            value[1:] + value[:1],
            f"{value}, {value}",
            "é",
            "0" * len(value),
            value * 100,
        ]
        odd += [value.swapcase()] if value.swapcase() != value else []
        for number, other in enumerate(odd):
            yield Mutation(f"{name} {number}", replace(message, headers={**rest, name: other}), is_covered)
        yield Mutation(f"no {name}", replace(message, headers=rest), is_covered)
        yield Mutation(f"{name} is shouted", replace(message, headers={**rest, name.upper(): value}), is_covered=False)
    for name, value in {"Content-Type": "text/plain", "Content-Encoding": "gzip", "X-More": "m" * 4000}.items():
        yield Mutation(name, replace(message, headers={**message.headers, name: value}), is_covered=False)
