"""The web process with a clock that jumps when the file JUMPING_CLOCK says so: Granian starts its workers by itself."""

import os
from pathlib import Path

from choptym.wsgi import application
from tests.chaos.jumping_clock import JumpingClock

__all__ = ["application"]

JumpingClock(Path(os.environ["JUMPING_CLOCK"])).start()
