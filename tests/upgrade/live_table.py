"""What would a migration do to a table that is in use? It is run on a real PostgreSQL, and watched.

Not its text is judged but what it did: the catalog before and after, and every statement with the time for which it
would have waited for a lock. So it makes no difference whether Django, RunSQL or RunPython wrote the statement. Every
table that was there before counts as large, busy, and used by the code of before.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.migrations import Migration, RunPython, RunSQL
from django.db.migrations.state import ProjectState

from payments.management.commands.migrate import LOCK_WAIT_MS, limit_waiting
from tests.upgrade.catalog import Catalog, Part, read_catalog

# What an index, a constraint or a trigger is called from the release on in which nobody needs it any more.
UNUSED = "unused_"
DATA = re.compile(r"\s*(INSERT|UPDATE|DELETE|MERGE|COPY|WITH)\b", re.IGNORECASE)
CHANGES_ROWS = re.compile(
    r'\b(UPDATE\s+(ONLY\s+)?(?P<updated>[\w".]+)(\s+(AS\s+)?\w+)?\s+SET|DELETE\s+FROM\s+(ONLY\s+)?(?P<deleted>[\w".]+))\b',
    re.IGNORECASE,
)
# So many rows and no more: what a LIMIT lets through, or these keys, or a range of them that has an end.
_VALUE = r"(%(\(\w+\))?s|\d+)"
BOUNDED = (
    rf"\bLIMIT\s+{_VALUE}|"
    rf'\bWHERE\b.*\bKEY"?\s*(<?=\s*(ANY\s*\(\s*)?{_VALUE}|<\s*{_VALUE}|BETWEEN\s+{_VALUE}|IN\s*\(\s*{_VALUE})'
)
STRUCTURE = re.compile(r"\s*(ALTER|CREATE|DROP|REINDEX|CLUSTER|TRUNCATE|COMMENT)\b", re.IGNORECASE)
# These take a lock that payments do not notice, and may wait for it.
GENTLE = re.compile(r"\bINDEX\s+CONCURRENTLY\b|\bVALIDATE\s+CONSTRAINT\b|\bREINDEX\b.*\bCONCURRENTLY\b", re.IGNORECASE)
# Within one text, where PostgreSQL cannot be asked; after RESET nobody has said how long.
SETS_WAIT = re.compile(r"(?i)(RESET|SET\s+(LOCAL\s+)?)\s*lock_timeout(\s*(=|TO)\s*(?P<value>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    lock_wait_ms: int  # 0: for ever


@dataclass
class Run:
    """One migration that was run: what was there before it, what is there now, what it said in between."""

    migration: Migration
    used: set[tuple[str, str]]  # (table, column) that the code of before knows
    before: Catalog
    after: Catalog
    statements: list[Statement] = field(default_factory=list)

    @property
    def structure(self) -> list[Statement]:
        return [statement for statement in self.statements if STRUCTURE.match(statement.text)]

    def table(self, oid: int) -> str:
        return self.before.tables[oid]

    def is_old(self, oid: int) -> bool:
        """Was the table there before, with rows and with people who use it?"""
        return oid in self.before.tables and oid in self.after.tables


def run_watched(migration: Migration, state: ProjectState) -> Run:
    """Run it as `manage.py migrate` would. `state` becomes that of after."""
    used = {(table, column) for table, columns in _columns_in_use(state).items() for column in columns}
    before, statements = read_catalog(), list[Statement]()
    limit_waiting(connection)
    with _recording(statements), connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(state, editor)
    return Run(migration, used, before, read_catalog(), statements)


def _columns_in_use(state: ProjectState) -> dict[str, set[str]]:
    models = state.apps.get_models(include_auto_created=True)
    return {model._meta.db_table: {field.column for field in model._meta.local_concrete_fields} for model in models}


@contextmanager
def _recording(statements: list[Statement]) -> Iterator[None]:
    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        [[wait]] = connection.connection.execute(
            "SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'"
        ).fetchall()
        for part in _parts(str(sql)):
            if setting := SETS_WAIT.match(part):
                wait = _milliseconds(setting["value"])
            statements.append(Statement(part, wait))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        yield


def _milliseconds(value: str | None) -> int:
    """Of a setting as people write it; 0, for ever, of what is not understood."""
    found = re.fullmatch(r"(\d+)\s*(ms|s)?", (value or "").strip("' "), re.IGNORECASE)
    return int(found[1]) * (1000 if (found[2] or "").lower() == "s" else 1) if found else 0


def _parts(sql: str) -> list[str]:
    """The statements of a text. What stands between $$ is a function's: it runs when rows change, not now."""
    bare = re.sub(r"\$(\w*)\$.*?\$\1\$", "''", re.sub(r"--[^\n]*", "", sql), flags=re.DOTALL)
    return [part.strip() for part in bare.split(";") if part.strip()]


def find_problems(run: Run) -> list[str]:
    """What payments, or the code of before, would notice."""
    return [
        *_tables_gone(run),
        *_columns_gone(run),
        *_parts_gone(run),
        *_rewritten(run),
        *_must_be_written(run),
        *_indexes(run),
        *_constraints(run),
        *_validated_beside(run),
        *_data(run),
        *_waits(run),
        *_more_than_one_thing(run),
    ]


def _tables_gone(run: Run) -> Iterator[str]:
    for oid, name in run.before.tables.items():
        if oid not in run.after.tables:
            if any(table == name for table, _ in run.used):
                yield f"drops the table {name}, which the code of before uses"
        elif run.after.tables[oid] != name:
            yield f"renames the table {name}"


def _columns_gone(run: Run) -> Iterator[str]:
    for (oid, number), column in run.before.columns.items():
        if not run.is_old(oid):
            continue
        now, name = run.after.columns.get((oid, number)), f"{run.table(oid)}.{column.name}"
        if now is None and (run.table(oid), column.name) in run.used:
            yield f"drops the column {name}, which the code of before uses"
        elif now is not None and now.name != column.name:
            yield f"renames the column {name}"


def _parts_gone(run: Run) -> Iterator[str]:
    """Neither put in its place by something of its name, nor of a column that the code of before has forgotten."""
    left = run.after.parts
    kept = {(part.kind, part.table, part.name, part.text) for part in left.values()}
    for oid, part in run.before.parts.items():
        if not run.is_old(part.table) or oid in left or (part.kind, part.table, part.name, part.text) in kept:
            continue
        if not part.name.startswith(UNUSED) and not _is_forgotten(run, part):
            yield f"drops the {part.kind} {part.name} of {run.table(part.table)}, on which the code of before counts"


def _is_forgotten(run: Run, part: Part) -> bool:
    names = [run.before.columns[part.table, number].name for number in part.columns if number > 0]
    if not names:  # the whole row's: then the table
        return all(table != run.table(part.table) for table, _ in run.used)
    return any((run.table(part.table), name) not in run.used for name in names)


def _rewritten(run: Run) -> Iterator[str]:
    for oid, file in run.before.files.items():
        if run.is_old(oid) and run.after.files[oid] != file:
            yield f"writes every row of {run.table(oid)} anew"


def _must_be_written(run: Run) -> Iterator[str]:
    for (oid, number), column in run.after.columns.items():
        if not run.is_old(oid):
            continue
        name, was = f"{run.table(oid)}.{column.name}", run.before.columns.get((oid, number))
        if column.must_be_written and (was is None or (was.is_required and not was.has_no_default)):
            yield f"{name} is NOT NULL without a default in the database: the code of before cannot insert"
        elif column.is_required and was is not None and not was.is_required and not _is_known_not_null(run, oid, name):
            yield f"looks at every row to make {name} NOT NULL, and refuses the code of before"


def _is_known_not_null(run: Run, table: int, name: str) -> bool:
    """A checked constraint already says so: nothing is read, and nothing is refused that was not refused before."""
    wanted = f"CHECK (({name.rpartition('.')[2]} IS NOT NULL))"
    known = (one for one in run.before.constraints.values() if one.table == table and one.is_validated)
    return any(one.text == wanted for one in known)


def _indexes(run: Run) -> Iterator[str]:
    for oid, index in run.after.indexes.items():
        # One that is not valid is a partitioned table's own (ON ONLY): nothing was read for it.
        if oid in run.before.indexes or not run.is_old(index.table) or not index.is_valid:
            continue
        made = [one.text for one in run.statements if GENTLE.search(one.text)]
        if not any(index.name.strip('"') in text for text in made):
            yield f"makes the index {index.name} on {run.table(index.table)} without CONCURRENTLY"


def _constraints(run: Run) -> Iterator[str]:
    for oid, constraint in run.after.constraints.items():
        if constraint.kind not in {"c", "f"}:
            continue  # an index of its own keeps it: that one is judged
        is_new = oid not in run.before.constraints and run.is_old(constraint.table)
        if is_new and constraint.is_validated and not _holds_for_empty_column(run, oid):
            yield f"adds {constraint.name} to {run.table(constraint.table)} without NOT VALID"


def _holds_for_empty_column(run: Run, oid: int) -> bool:
    """PostgreSQL looks at no row when a column comes with its foreign key and is NULL everywhere."""
    constraint = run.after.constraints[oid]
    columns = [(constraint.table, number) for number in constraint.columns]
    return constraint.kind == "f" and all(
        column not in run.before.columns and run.after.columns[column].has_no_default for column in columns
    )


def _validated_beside(run: Run) -> Iterator[str]:
    validated = [one for one in run.structure if re.search(r"\bVALIDATE\s+CONSTRAINT\b", one.text, re.IGNORECASE)]
    if validated and len(run.structure) > len(validated):
        yield "validates a constraint while it holds the lock of another change"


def _data(run: Run) -> Iterator[str]:
    operations = run.migration.operations
    has_python = any(isinstance(operation, RunPython) for operation in operations)
    if run.structure and (has_python or any(DATA.match(one.text) for one in run.statements)):
        yield "changes data in the same migration as tables"
    if any(one.text.upper().startswith("DO ") for one in run.statements):
        yield "hides in DO what it does: write it as statements, or as RunPython"
    if CHANGES_ROWS.search(" ".join(_raw_sql(run.migration))):
        yield "changes rows in one statement: use RunPython in small steps, without a transaction around them"
    elif has_python and run.migration.atomic and any(CHANGES_ROWS.search(one.text) for one in run.statements):
        yield "changes rows in one transaction: take small steps, with atomic = False"
    elif has_python:
        yield from _unbounded(run)


def _unbounded(run: Run) -> Iterator[str]:
    """What changes rows, and would change as many as there are."""
    for one in run.statements:
        for found in CHANGES_ROWS.finditer(one.text):
            table = (found["updated"] or found["deleted"]).replace('"', "")
            bounds = (re.compile(BOUNDED.replace("KEY", key), re.IGNORECASE | re.DOTALL) for key in _keys(run, table))
            if not any(bound.search(one.text) for bound in bounds):
                yield f"changes as many rows of {table} as there are: take so many keys at a time"


def _keys(run: Run, table: str) -> list[str]:
    """The columns of its primary key."""
    keys = [one for one in run.after.constraints.values() if one.kind == "p" and run.after.tables[one.table] == table]
    return [run.after.columns[one.table, number].name for one in keys for number in one.columns]


def _raw_sql(migration: Migration) -> Iterator[str]:
    for operation in migration.operations:
        if isinstance(operation, RunSQL):
            yield from _parts(str(operation.sql))


def _waits(run: Run) -> Iterator[str]:
    for statement in run.structure:
        if not GENTLE.search(statement.text) and not 0 < statement.lock_wait_ms <= LOCK_WAIT_MS:
            yield f"waits too long for a lock, and payments wait behind it: {statement.text.split('(')[0].strip()}"


def _more_than_one_thing(run: Run) -> Iterator[str]:
    if not run.migration.atomic and len(run.structure) > 1:
        yield "does several things without a transaction: cut off between two, it cannot be run again"
