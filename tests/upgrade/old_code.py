"""The release of before, taken from the history of the repository."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from choptym.local.role import PROJECT

PLACE = PROJECT / ".local" / "upgrade-from"
APPLICATION = ("choptym", "payments", "orders", "wallets", "notifications", "manage.py")


class NoHistory(Exception):
    """An exported tree, or a clone that ends too soon: nobody knows the code of before."""


def find_commit() -> str:
    """UPGRADE_FROM; else the newest commit with other migrations than ours, or at least with other code.

    Raises NoHistory.
    """
    if named := os.environ.get("UPGRADE_FROM", "").strip():
        return git("rev-parse", "--verify", f"{named}^{{commit}}").strip()
    commits = git("rev-list", "--first-parent", "HEAD").split()
    ours = {str(path.relative_to(PROJECT)) for app in APPLICATION for path in (PROJECT / app).rglob("migrations/*.py")}
    for commit in commits:
        if _migrations_of(commit) != ours:
            return commit
    for commit in commits:
        if git("diff", "--name-only", commit, "--", *APPLICATION):
            return commit
    raise NoHistory("The history has no commit whose code is another one: a shallow clone?")


def export(commit: str) -> Path:
    """Write this commit's tree into a directory of its own and return that; it runs with our .venv."""
    directory = PLACE / commit
    if not (directory / "manage.py").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        packed = directory.with_suffix(".tar")
        git("archive", "--format=tar", f"--output={packed}", commit)
        with tarfile.open(packed) as tar:
            tar.extractall(directory, filter="data")
        packed.unlink()
    return directory


def git(*arguments: str) -> str:
    """What git says of this repository. Raises NoHistory where there is none, or no git."""
    try:
        said = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoHistory("There is no git.") from None
    if said.returncode != 0:
        raise NoHistory(f"git {arguments[0]}: {said.stderr.strip()}")
    return said.stdout


def _migrations_of(commit: str) -> set[str]:
    names = git("ls-tree", "-r", "--name-only", commit, "--", *APPLICATION).splitlines()
    return {name for name in names if Path(name).parent.name == "migrations" and name.endswith(".py")}
