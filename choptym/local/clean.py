"""`make clean`: remove .venv, .local and the tools' caches. Run by path with the system's Python, since .venv goes."""

import fcntl
import shutil
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MADE_HERE = (".venv", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis")
OUTSIDE_PREFIX = "choptym-postgres-"  # as in postgres_home.py, which cannot be imported here


def main() -> int:
    root = PROJECT / ".local"
    try:
        if _is_running(root):
            print(f"A stack runs in {root}: stop it first.", file=sys.stderr)
            return 1
        for directory in (_outside(root), root, *(PROJECT / name for name in MADE_HERE)):
            if directory and directory.exists():
                print(f"removing {directory}")
                shutil.rmtree(directory)
    except PermissionError as error:
        print(f"{error.filename} is not yours to remove: `sudo make clean`.", file=sys.stderr)
        return 1
    return 0


def _is_running(root: Path) -> bool:
    if not (root / "lock").exists():
        return False
    with (root / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _outside(root: Path) -> Path | None:
    """Return the private place of a PostgreSQL that root started, if it looks like one we made."""
    record = root / "postgres-outside"
    if not record.exists():
        return None
    place = Path(record.read_text())
    ours = place.name.startswith(OUTSIDE_PREFIX) and place.parent in {
        Path("/var/tmp"),  # noqa: S108 - the places postgres_home.py chooses from
        Path("/tmp"),  # noqa: S108
        Path(tempfile.gettempdir()),
    }
    return place if ours else None


if __name__ == "__main__":
    sys.exit(main())
