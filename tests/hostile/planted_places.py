"""Everywhere that something may come out of a running stack: each place with its text."""

import base64
import json
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests
from psycopg import sql

from tests.hostile.planted_world import FLOWER_LOGIN, PHONES
from tests.live import TIMEOUT_SECONDS, Live
from tests.servers import servers

# The outside world: the gateways and those who receive our messages know whom they serve.
OUTSIDE = {"sandbox.log", "sink.log"}
PROC = Path("/proc")


def logs(live: Live) -> dict[str, str]:
    """Of every process of ours, and of PostgreSQL and Redis."""
    files = [*(live.stack.root / "log").iterdir(), *(servers.root / "log").iterdir()]
    return {
        file.name: file.read_text(errors="replace") for file in files if file.name.removesuffix(".1") not in OUTSIDE
    }


def arguments(live: Live) -> dict[str, str]:
    """The command lines of all processes of the stack, their children too: any user of the machine reads them."""
    ours = set(live.stack.pids.values())
    found = {}
    for path in PROC.glob("[0-9]*"):
        try:
            words, parent = (path / "cmdline").read_text(), (path / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if int(path.name) in ours or int(parent) in ours:
            found[f"arguments of process {path.name}"] = words.replace("\0", " ")
    return found


def figures(live: Live) -> dict[str, str]:
    """/metrics of every process, and health."""
    pages = {**live.stack.metrics, "Flower": f"{live.stack.flower}/metrics"}
    pages |= {f"health {name}": f"{live.stack.web}/health/{name}" for name in ("live", "ready", "db")}
    return {name: requests.get(url, auth=FLOWER_LOGIN, timeout=TIMEOUT_SECONDS).text for name, url in pages.items()}


def flower(live: Live) -> dict[str, str]:
    """Its pages and its API, each task and each worker by itself."""
    tasks = json.loads(_flower(live, "/api/tasks?limit=1000"))
    workers = json.loads(_flower(live, "/api/workers?refresh=true"))
    addresses = ["/", "/workers", "/tasks", "/broker", "/api/queues/length", "/api/task/types", "/api/tasks?limit=1000"]
    addresses += [f"/task/{one}" for one in list(tasks)[:40]] + [f"/api/task/info/{one}" for one in list(tasks)[:40]]
    addresses += [f"/worker/{one}" for one in workers]
    return {address: _flower(live, address) for address in addresses}


def _flower(live: Live, address: str) -> str:
    return requests.get(f"{live.stack.flower}{address}", auth=FLOWER_LOGIN, timeout=TIMEOUT_SECONDS).text


def broker(live: Live) -> dict[str, str]:
    """Every key of Redis with what it holds, messages also with their bodies read."""
    client = redis.Redis.from_url(live.stack.redis_url)
    found: dict[str, str] = {}
    for key in client.scan_iter():
        name = key.decode(errors="replace")
        found[name] = name + "\n" + "\n".join(_read(client, key))
    client.close()
    return found


def _read(client: Any, key: bytes) -> Iterator[str]:
    readers: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: [client.get(key)],
        b"list": lambda: client.lrange(key, 0, -1),
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
    }
    reader = readers.get(client.type(key))
    for raw in reader() if reader else ():
        text = (raw or b"").decode(errors="replace")
        yield text
        for body in re.findall(r'"body": "([A-Za-z0-9+/=]+)"', text):
            yield base64.b64decode(body).decode(errors="replace")


def columns(live: Live) -> dict[str, str]:
    """Every column of every table, as one text."""
    found = {}
    query = """
        SELECT table_name, column_name FROM information_schema.columns JOIN pg_tables ON tablename = table_name
        WHERE table_schema = 'public' AND schemaname = 'public'
    """
    for table, column in live.rows(query):
        rows = live.database.execute(_whole(table, column)).fetchone()
        found[f"{table}.{column}"] = (rows and rows[0]) or ""
    return found


def _whole(table: str, column: str) -> "psycopg.sql.Composed":
    return sql.SQL("SELECT string_agg({}::text, E'\\n') FROM {}").format(sql.Identifier(column), sql.Identifier(table))


def open_files(live: Live) -> dict[str, str]:
    """What other users of the machine may read of the stack's files."""
    found = {}
    for path in live.stack.root.rglob("*"):
        if path.is_file() and path.stat().st_mode & stat.S_IROTH and path.name not in {*OUTSIDE, "sink.jsonl"}:
            found[str(path.relative_to(live.stack.root))] = path.read_text(errors="replace")
    return found


def pages(live: Live, staff: requests.Session) -> dict[str, str]:
    """Every page of the admin that links lead to, from the first one on, one of each kind."""
    waiting, seen, kinds = ["/admin/"], {}, dict[str, int]()
    while waiting:
        address = waiting.pop(0)
        kind = re.sub(r"[0-9]+", "#", address.partition("?")[0]) + ("?" if "?" in address else "")
        if address in seen or kinds.get(kind, 0) >= (len(PHONES) + 1 if "payments/payment/" in kind else 1):
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = staff.get(f"{live.stack.web}{address}", timeout=TIMEOUT_SECONDS)
        seen[address] = answer.text
        links = re.findall(r'(?:href|action|hx-get|data-url)="(/admin/[^"#]*)', answer.text)
        waiting += [link.replace("&amp;", "&") for link in links if "logout" not in link]
    return seen
