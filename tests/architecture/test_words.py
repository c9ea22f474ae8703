"""What must not stand in a repository that strangers clone."""

from tests.architecture.source import text_files

# Put together here, so that this file may be read too.
INDEXES = ("pypi" + ".org", "python" + "hosted", "--index" + "-url", "--extra-index" + "-url", "--find" + "-links")
INSIDE = ("farm" + "-", "DEVELOPERS" + ".md", "/wo" + "rk/")


def test_no_file_names_a_package_index() -> None:
    assert _found(INDEXES) == []


def test_no_file_names_a_place_outside_the_repository() -> None:
    assert _found(INSIDE) == []


def _found(words: tuple[str, ...]) -> list[str]:
    return [
        f"{name}:{number} {word}"
        for name, text in text_files()
        if any(word in text for word in words)
        for number, line in enumerate(text.splitlines(), 1)
        for word in words
        if word in line
    ]
