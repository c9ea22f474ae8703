"""The load: a process of its own that sends requests, and writes down how each was answered.

`python -m tests.bench.crowd wish.json` reads {"requests": file, "connections": n, "per_second": x, "follows": bool,
"answers": file}. The first file holds a JSON object a line: {"method", "url", "headers", "body"}. Without `per_second`
each connection sends its next request when it has the answer to the last. Who `follows` looks at the payment that was
accepted until it has ended, as often as they are told to.

The second file gets {"cpu_seconds", "answers", "reads", "ends"}: of each request, in their order, and of each look
[began, seconds, status], with `began` by the wall clock and status 0 for no answer; and how many payments ended how.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

TIMEOUT_SECONDS = 60
# Less than web keeps an idle connection: a request on one that is just being closed would have no answer.
KEEP_SECONDS = 15
# Who was told nothing of when to look again.
LOOK_SECONDS = 2.0

Request = dict[str, Any]
Answer = tuple[float, float, int]


class Crowd:
    """Those who send; what they were answered is in `answers`, `reads` and `ends`."""

    def __init__(self, session: aiohttp.ClientSession, requests: list[Request], *, follows: bool) -> None:
        self.answers: list[Answer] = [(0.0, 0.0, 0)] * len(requests)
        self.reads: list[Answer] = []
        self.ends: Counter[str] = Counter()
        self._session = session
        self._requests = requests
        self._follows = follows

    async def send_at(self, per_second: float) -> None:
        """Begin so many a second, whether the earlier ones were answered or not."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(len(self._requests)):
                await asyncio.sleep(began + number / per_second - time.monotonic())
                group.create_task(self._send(number))

    async def send_by(self, connections: int) -> None:
        """As fast as they are answered."""
        turns = iter(range(len(self._requests)))
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(self._send_in_turn(turns))

    async def _send_in_turn(self, turns: Iterator[int]) -> None:
        for number in turns:
            await self._send(number)

    async def _send(self, number: int) -> None:
        request = self._requests[number]
        self.answers[number], _, body = await self._ask(request)
        if self._follows and body:
            await self._follow(request, body)

    async def _follow(self, request: Request, accepted: bytes) -> None:
        origin = request["url"].partition("/api/")[0]
        url = f"{origin}/api/payments/{json.loads(accepted)['payment']['id']}/"
        look = {"method": "GET", "url": url, "headers": request["headers"], "body": None}
        while True:
            read, wait, body = await self._ask(look)
            self.reads.append(read)
            if body and wait is None:  # without Retry-After it has ended
                self.ends[json.loads(body)["status"]] += 1
                return
            await asyncio.sleep(wait or LOOK_SECONDS)

    async def _ask(self, request: Request) -> tuple[Answer, float | None, bytes]:
        """The answer, after how many seconds to look again, and the body of a success."""
        began, clock = time.time(), time.monotonic()
        try:
            async with self._session.request(
                request["method"], request["url"], headers=request["headers"], data=request["body"]
            ) as response:
                body = await response.read()
                again = response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError):
            return (began, time.monotonic() - clock, 0), None, b""
        answer = (began, time.monotonic() - clock, response.status)
        return answer, float(again) if again else None, body if response.ok else b""


async def send_all(wish: dict[str, Any]) -> Crowd:
    requests = [json.loads(line) for line in Path(wish["requests"]).read_text().splitlines()]
    connector = aiohttp.TCPConnector(limit=wish["connections"], keepalive_timeout=KEEP_SECONDS)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        crowd = Crowd(session, requests, follows=wish["follows"])
        if wish["per_second"]:
            await crowd.send_at(wish["per_second"])
        else:
            await crowd.send_by(wish["connections"])
    return crowd


def main() -> None:
    wish = json.loads(Path(sys.argv[1]).read_text())
    crowd = uvloop.run(send_all(wish))
    told = {
        "cpu_seconds": time.process_time(),
        "answers": crowd.answers,
        "reads": crowd.reads,
        "ends": crowd.ends,
    }
    Path(wish["answers"]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
