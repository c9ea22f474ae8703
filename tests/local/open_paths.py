"""Temporary directories that others may walk to.

Not among those of pytest: whenever a session of it begins, it takes the way to all of them from others again.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_place() -> Iterator[Path]:
    """A directory for as long as the block runs."""
    path = Path(tempfile.mkdtemp(prefix="choptym-test-")).resolve()
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
