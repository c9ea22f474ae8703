"""Where the messages of a local stack end: it takes e-mail, SMS and push and shows them on a page.

POST /sms/{to}, /push/{to}   what Apprise's json:// sends; /alerts/{to} too: to operators
SMTP                         what Django's e-mail sends
GET /                        the last messages, for people
GET /messages.json?since=    the messages after number `since`, for tests
"""

import argparse
import asyncio
import itertools
import json
import signal
from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import TextIO

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from choptym.local.ports import HOST
from choptym.local.sink_page import draw_page

KEPT = 500  # on the page and in memory; the file has all
MAX_BYTES = 1024 * 1024
TEXT_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class Message:
    number: int
    received_at: str
    channel: str
    to: str
    subject: str
    text: str


class Inbox:
    """The last messages in memory, all of them in a file."""

    def __init__(self, file: TextIO) -> None:
        self.messages: deque[Message] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self._file = file
        self._numbers = itertools.count(1)

    def add(self, channel: str, to: str, subject: str, text: str) -> None:
        received_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        message = Message(next(self._numbers), received_at, channel, to, subject, text[:TEXT_LENGTH])
        self.messages.append(message)
        self.counts[channel] += 1
        self._file.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")
        self._file.flush()


class MailHandler:
    """What aiosmtpd calls for each e-mail."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        mail = message_from_bytes(content if isinstance(content, bytes) else content.encode(), policy=policy.default)
        body = mail.get_body(("plain", "html"))
        text = str(body.get_content()) if body else ""
        self._inbox.add("email", ", ".join(envelope.rcpt_tos), str(mail.get("Subject", "")), text)
        return "250 Message accepted"


def make_application(inbox: Inbox) -> web.Application:
    async def receive(request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except ValueError:
            return web.json_response({"code": "not_json"}, status=400)
        if not isinstance(body, dict):
            return web.json_response({"code": "not_an_object"}, status=400)
        to = request.match_info.get("to") or str(body.get("to", ""))
        inbox.add(request.path.split("/")[1], to, str(body.get("title", "")), str(body.get("message", "")))
        return web.json_response({"ok": True})

    async def list_messages(request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdecimal():
            return web.json_response({"code": "bad_since"}, status=400)
        newer = [asdict(message) for message in inbox.messages if message.number > int(since)]
        return web.json_response({"counts": inbox.counts, "messages": newer})

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=draw_page(reversed(inbox.messages), inbox.counts), content_type="text/html")

    application = web.Application(client_max_size=MAX_BYTES)
    for channel in ("sms", "push", "alerts"):
        application.router.add_post(f"/{channel}", receive)
        application.router.add_post(f"/{channel}/{{to:.*}}", receive)
    application.router.add_get("/messages.json", list_messages)
    application.router.add_get("/", show)
    return application


async def serve(http_port: int, smtp_port: int, file: TextIO) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    inbox = Inbox(file)
    handler = MailHandler(inbox)
    smtp = await loop.create_server(lambda: SMTP(handler, data_size_limit=MAX_BYTES, loop=loop), HOST, smtp_port)
    runner = web.AppRunner(make_application(inbox), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, http_port, backlog=1024, shutdown_timeout=1).start()
    await stopping.wait()
    smtp.close()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description="Take e-mail, SMS and push, and show them.")
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True, help="where to append each message as a JSON line")
    arguments = parser.parse_args()
    with arguments.file.open("a") as file:
        asyncio.run(serve(arguments.http_port, arguments.smtp_port, file))


if __name__ == "__main__":
    main()
