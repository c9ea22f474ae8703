"""The image of ours without a Docker engine: the files that .dockerignore lets in, and the Dockerfile."""

import json
import re
import shutil
from pathlib import Path

from tests.architecture.source import PROJECT
from tests.deploy.compose import DEPLOY

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def copy_context(target: Path) -> Path:
    """What `COPY . .` brings: all that a `!` line names, less what the lines after it take out again."""
    lines = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    out = {line for line in lines[1:] if not line.startswith("!") and "*" not in line}
    for name in (line[1:] for line in lines if line.startswith("!")):
        source, there = PROJECT / name, target / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, there, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, there)
    for name in out:
        shutil.rmtree(target / name)
    return target


def runs() -> list[str]:
    """Every RUN of the Dockerfile as one line."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return re.findall(r"^RUN (.+)$", joined, re.MULTILINE)


def health_command() -> list[str]:
    match = re.search(r"^HEALTHCHECK .*CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert match
    return list(json.loads(match[1]))
