"""The documents say what is there: links lead somewhere, commands exist, decisions are numbered."""

import re
from pathlib import Path

import pytest

from tests.architecture.source import PROJECT, name_of

PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted(PROJECT.glob("docs/**/*.md"))]
PAGES += sorted(PROJECT.glob("deploy/**/*.md"))
RECORDS = sorted(path for path in (PROJECT / "docs/adr").glob("*.md") if path.name != "README.md")
PAGE_CHARACTERS = 3500
PARTS = ("**Decision.**", "**Why.**", "**Costs.**", "**Refused.**", "Tags: ")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        file, _, heading = target.partition("#")
        if "://" in file:
            continue
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{target} is not there"
        assert not heading or heading in _headings(there.read_text()), f"{target} names no heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_command_is_a_target(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`make ([a-z]+)", text)) - targets == set()


def test_the_readme_tells_of_the_commands_to_know() -> None:
    text = (PROJECT / "README.md").read_text()

    assert [name for name in ("demo", "up", "test", "check") if f"`make {name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_in_backticks_is_there(page: Path) -> None:
    text = page.read_text()
    names = re.findall(r"`((?:choptym|payments|orders|wallets|notifications|tests|docs|deploy)/[\w./-]*)`", text)

    assert [name for name in names if not (PROJECT / name).exists()] == []


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    index = (PROJECT / "docs/adr/README.md").read_text()

    assert [path.name[:5] for path in RECORDS] == [f"{number:04d}-" for number in range(1, len(RECORDS) + 1)]
    assert re.findall(r"\]\((.+?)\)", index) == [path.name for path in RECORDS]


@pytest.mark.parametrize("record", RECORDS, ids=name_of)
def test_a_decision_has_its_parts_and_fits_a_page(record: Path) -> None:
    text = record.read_text()

    assert text.startswith(f"# {record.name[:4]} ")
    assert [part for part in PARTS if text.count(part) != 1] == []
    assert len(text) <= PAGE_CHARACTERS


def _headings(text: str) -> set[str]:
    """The anchors that a Markdown viewer makes of headings."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}
