"""deploy/runbooks: a page for every alert, all of one form, and nothing on them that does not work."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.db import connection

from tests.deploy.compose import DEPLOY, services
from tests.deploy.test_alerts import TABLE

FOLDER = DEPLOY / "runbooks"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
# Pages that show commands, the runbook of the whole among them.
TEXTS = [*PAGES, FOLDER / "README.md", DEPLOY / "README.md"]
PARTS = [
    *("What it means", "What customers see", "First look", "How to mend it", "When to wake somebody", "How it closes"),
]
name_of_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
name_of_text = pytest.mark.parametrize("page", TEXTS, ids=lambda page: f"{page.parent.name}/{page.stem}")


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert {page.stem for page in PAGES} == TABLE
    assert set(re.findall(r"\| \[(\w+)\]\(\1\.md\)", (FOLDER / "README.md").read_text())) == TABLE


@name_of_page
def test_pages_have_one_form_and_are_short(page: Path) -> None:
    text = page.read_text()

    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert len(text.splitlines()) <= 60
    first = text.partition("## First look")[2].partition("## How to mend it")[0]
    assert "manage.py" in first or "```" in first, "what exactly does one look at?"


@name_of_text
def test_every_command_is_one_that_manage_py_takes(page: Path) -> None:
    commands = [
        " ".join(found.split()) for found in re.findall(r"manage\.py ([a-z_]+[^`\n]*(?:\n[^`\n]*)?)`", page.read_text())
    ]
    known = get_commands()
    for command in commands:
        name, *words = shlex.split(command)
        if name in known:
            parser = load_command_class(known[name], name).create_parser("manage.py", name)
            placed = [word for word in words if not word.startswith("<")]
            if placed == words:
                parser.parse_args(words)
        assert name in known, command


@name_of_text
def test_every_service_that_is_named_is_in_compose(page: Path) -> None:
    text = page.read_text()
    named = re.findall(
        r"docker compose (?:exec|restart|logs(?: --since \w+)?|run --rm|up -d(?: --scale)?) ([a-z][a-z0-9-]*)",
        text,
    )

    assert [name for name in named if name not in services()] == []


@pytest.mark.django_db
@name_of_text
def test_every_query_runs_on_the_tables_as_they_are(page: Path) -> None:
    for block in re.findall(r"^```sql\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        statements = [part.strip() for part in block.split(";") if part.strip() not in {"", "BEGIN", "COMMIT"}]
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
