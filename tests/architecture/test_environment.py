"""deploy/env.example tells of every variable that the settings read, with its unit and its default."""

import re

import pytest

from tests.architecture.environment_source import Variable, variables
from tests.architecture.source import PROJECT, name_of, python_files

EXAMPLE = (PROJECT / "deploy/env.example").read_text()
TOLD = {
    match["name"]: (match["unit"], match["value"])
    for match in re.finditer(
        r"^# (?P<unit>[a-z ]+): .+\n(?:# .*\n)*?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", EXAMPLE, re.MULTILINE
    )
}
READ = variables()
# With their defaults, or "" for what must be given.
READ_BY_COMPOSE = dict(re.findall(r"\$\{(\w+)(?::-([^}]*))?", (PROJECT / "deploy/compose.yaml").read_text()))

UNITS = {
    "text": {"text"},
    "secret": {"secret"},
    "integer": {"count", "per second", "milliseconds", "seconds", "hours", "connections", "threads", "port"},
    "decimal": {"seconds", "per second"},
    "flag": {"true or false"},
    "url": {"address"},
    "words": {"list"},
    "rate": {"rate"},
}
# A name that tells its unit, and the two whose unit is fixed by those who use them.
UNIT_OF_NAME = {
    r"_SECONDS$": "seconds",
    r"_HOURS$": "hours",
    r"_PER_SECOND$": "per second",
    r"_DELAY$|_INTERVAL$": "milliseconds",
    r"_(POOL_SIZE)$": "connections",
}


def test_the_example_and_the_settings_have_the_same_variables() -> None:
    assert len(READ) > 50
    assert sorted(READ.keys() - TOLD.keys()) == [], "read, but not in deploy/env.example with a line `# unit: …`"
    unread = TOLD.keys() - READ.keys() - READ_BY_COMPOSE.keys()
    assert sorted(unread) == [], "in deploy/env.example, but nobody reads it"
    assert sorted(re.findall(r"^([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) == sorted(TOLD), "a line without its unit"


@pytest.mark.parametrize("variable", [places[0] for places in READ.values()], ids=str)
def test_the_example_tells_unit_and_default(variable: Variable) -> None:
    unit, value = TOLD[variable.name]

    assert unit in UNITS[variable.reader]
    assert [expected for name, expected in UNIT_OF_NAME.items() if re.search(name, variable.name)] in ([], [unit])
    if variable.default is not None:
        assert value.lower() == str(variable.default).lower()
    elif not variable.has_default:
        assert value == "", "a required variable has no default"


def test_the_example_has_what_compose_reads_with_the_same_default() -> None:
    assert len(READ_BY_COMPOSE) > 5
    assert {name: TOLD[name][1] for name in READ_BY_COMPOSE} == READ_BY_COMPOSE


def test_a_variable_that_is_read_twice_is_read_the_same_way() -> None:
    assert [name for name, places in READ.items() if len(set(places)) > 1] == []


def test_only_the_settings_read_the_environment() -> None:
    """And what runs without them: the sandbox, the local stack, and the start of each process."""
    may = ("choptym/settings/env.py", "choptym/local/", "payments/sandbox/")
    starts = {"choptym/asgi.py", "choptym/wsgi.py", "choptym/celery.py"}
    reading = {
        name_of(path)
        for path in python_files("choptym", "payments", "orders", "wallets", "notifications")
        if re.search(r"os\.(environ|getenv)", path.read_text()) and not name_of(path).startswith(may)
    }

    assert reading == starts
