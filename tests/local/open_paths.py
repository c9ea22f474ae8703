"""Letting others into a temporary directory of the tests."""

import tempfile
from pathlib import Path


def open_to_others(path: Path) -> None:
    """Every directory between this one and the one for temporary files; pytest makes them for nobody else."""
    top = Path(tempfile.gettempdir()).resolve()
    for directory in (path, *path.parents):
        if directory == top or top not in directory.parents:
            return
        directory.chmod(0o755)
