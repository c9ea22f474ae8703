"""A process of the stack for members of staff: it loads our code once, and does each thing in a child that may die.

One JSON object a line each way: {"code": …, "dies": whether it passes failpoints} → {"status": …, "said": …}.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import django
from django.conf import settings

# What our code prints is no answer.
ANSWERS, sys.stdout = sys.stdout, sys.stderr


def do(wish: dict[str, Any], writing: int) -> None:
    """In the child: what was printed, or why it failed, goes through the pipe."""
    said: list[str] = []
    if not wish["dies"]:
        settings.FAILPOINTS_DIR = str(Path(settings.FAILPOINTS_DIR, "nobody"))
    try:
        exec(wish["code"], {"say": lambda text: said.append(str(text))})  # noqa: S102 - the test's own words
        status = 0
    except BaseException:  # noqa: BLE001
        said, status = [traceback.format_exc()], 1
    os.write(writing, "\n".join(said).encode())
    os._exit(status)


def serve() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            do(json.loads(line), writing)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ANSWERS.write(json.dumps({"status": status, "said": said}) + "\n")
        ANSWERS.flush()


if __name__ == "__main__":
    django.setup()
    serve()
