"""The HTTP server: who answers which path, and starting and stopping."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from payments.sandbox import control, home, page
from payments.sandbox.calls import Answer, as_json
from payments.sandbox.clock import Clock
from payments.sandbox.dialects import DIALECTS
from payments.sandbox.faults import serve_call
from payments.sandbox.gateway import Gateway
from payments.sandbox.webhooks import open_session

logger = logging.getLogger(__name__)


class Sandbox:
    """All gateways on one port. `webhooks` is the merchant's base address: `<webhooks>/<gateway>/`."""

    def __init__(self, *, seed: int = 1, webhooks: str | None = None) -> None:
        self.clock = Clock()
        self.gateways = {
            dialect.name: Gateway(
                dialect, self.clock, seed, f"{webhooks.rstrip('/')}/{dialect.name}/" if webhooks else None
            )
            for dialect in DIALECTS
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer = await self._route(request)
        except web.HTTPException:
            raise  # such as a body that is too large
        except (ConnectionError, HttpProcessingError):
            return web.Response(status=400)  # the caller hung up in the middle of a request
        except Exception:
            # A fault of the sandbox itself must not look like one it was asked for.
            logger.exception("the sandbox failed at %s %s", request.method, request.path)
            answer = as_json({"code": "sandbox_bug", "message": "see the sandbox's log"}, 599)
        if answer is None:
            return web.Response(status=500)  # never sent: the connection is gone
        headers = {"Content-Type": answer.content_type}
        if answer.headers is not None:
            headers.update(answer.headers)
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _route(self, request: web.BaseRequest) -> Answer | None:
        _, _, path = request.path.partition("/")
        first, _, tail = path.partition("/")
        gateway = self.gateways.get(first)
        if not path and request.method == "GET":
            return home.draw_home(self.gateways, self.clock)
        if gateway is None:
            return await control.serve(self.gateways, self.clock, request, path)
        prefix = gateway.dialect.page_prefix
        if prefix and tail.startswith(prefix):
            # The payer's browser: no call of the merchant, so no faults and no counting.
            return await page.serve(gateway, request, tail.removeprefix(prefix).rstrip("/"))
        return await serve_call(gateway, request, tail)

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve while the block runs; yields the address. Port 0 takes a free one."""
        # The low-level server: aiohttp's application, router and middleware would double the cost of a call.
        runner = web.ServerRunner(web.Server(self.handle, access_log=None), shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, host, port, backlog=2048)
        session = open_session()
        for gateway in self.gateways.values():
            gateway.sender.session = session
        try:
            await site.start()
            yield f"http://{host}:{runner.addresses[0][1]}"
        finally:
            self.clock.reset()
            await runner.cleanup()
            await session.close()
