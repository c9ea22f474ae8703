"""A small stack in a process of its own, for tests that kill it: `python -m tests.local.runner ROOT`."""

import sys
import time
from pathlib import Path

from choptym.local import register
from choptym.local.servers import Servers
from choptym.local.supervisor import Supervisor
from tests.local.fakes import stubborn


def main(root: Path) -> None:
    lock = register.lock(root)
    print("left over:", *register.stop_leftovers(root), flush=True)  # noqa: T201 - the test reads it
    supervisor = Supervisor(root)
    Servers(root, {}).start(supervisor, print)
    (root / "deaf").unlink(missing_ok=True)
    supervisor.start([stubborn("stubborn", root)])
    print("ready", flush=True)  # noqa: T201
    time.sleep(60)
    lock.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
