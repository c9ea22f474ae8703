"""python -m payments.sandbox --port 9000 --webhooks http://127.0.0.1:8000/webhooks"""

import argparse
import asyncio
import logging
import signal
import sys

import uvloop

from payments.sandbox.server import Sandbox


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="payments.sandbox", description="The payment gateways, on this machine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same world")
    parser.add_argument("--webhooks", help="where events go: gateway g is told at <webhooks>/<g>/")
    return parser.parse_args()


async def serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sandbox = Sandbox(seed=arguments.seed, webhooks=arguments.webhooks)
    async with sandbox.running(arguments.host, arguments.port) as address:
        sys.stdout.write(f"sandbox ready at {address}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(serve(read_arguments()))
