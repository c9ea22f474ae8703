"""What PostgreSQL says of its own tables: the same question before and after a migration."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

TABLES = """
    SELECT c.oid, c.relname, pg_relation_filenode(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
"""
COLUMNS = """
    SELECT c.oid, a.attnum, a.attname, a.attnotnull,
           NOT (a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '')
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
"""
INDEXES = """
    SELECT i.indexrelid, i.indrelid, i.indexrelid::regclass::text, i.indisvalid, pg_get_indexdef(i.indexrelid),
           ARRAY(SELECT unnest(i.indkey::int2[]) UNION SELECT d.refobjsubid FROM pg_depend d
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                 AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public'
"""
CONSTRAINTS = """
    SELECT k.oid, k.conrelid, k.conname, k.contype::text, k.convalidated, coalesce(k.conkey, '{}'),
           pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND k.contype IN ('c', 'f', 'u', 'x', 'p')
"""
# Not those of foreign keys, nor those that are switched off: they guard nothing.
TRIGGERS = """
    SELECT t.oid, t.tgrelid, t.tgname
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
"""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    is_required: bool  # NOT NULL
    has_no_default: bool

    @property
    def must_be_written(self) -> bool:
        """Who does not know this column cannot insert a row."""
        return self.is_required and self.has_no_default


@dataclass(frozen=True, slots=True)
class Index:
    table: int
    name: str
    is_valid: bool
    text: str
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Constraint:
    table: int
    name: str
    kind: str
    is_validated: bool
    columns: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """Of a table: an index, a constraint or a trigger. `text`: what another must say that is put in its place."""

    kind: str
    table: int
    name: str
    text: str = ""
    columns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    tables: dict[int, str]
    files: dict[int, int]  # where the rows lie: another file means that every row was written anew
    columns: dict[tuple[int, int], Column]
    indexes: dict[int, Index]
    constraints: dict[int, Constraint]
    triggers: dict[int, Part]

    @property
    def parts(self) -> dict[tuple[str, int], Part]:
        """A check may come back with other words: whether those are stricter, only the rolling test sees."""
        indexes = (
            (oid, Part("index", one.table, one.name, one.text, one.columns))
            for oid, one in self.indexes.items()
            if one.is_valid
        )
        constraints = (
            (oid, Part("constraint", one.table, one.name, "" if one.kind == "c" else one.text, one.columns))
            for oid, one in self.constraints.items()
        )
        return {(part.kind, oid): part for oid, part in (*indexes, *constraints, *self.triggers.items())}


def read_catalog() -> Catalog:
    tables = _rows(TABLES)
    return Catalog(
        tables={oid: name for oid, name, _ in tables},
        files={oid: file for oid, _, file in tables},
        columns={(oid, number): Column(*rest) for oid, number, *rest in _rows(COLUMNS)},
        indexes={
            oid: Index(table, name.strip('"'), is_valid, text, tuple(columns))
            for oid, table, name, is_valid, text, columns in _rows(INDEXES)
        },
        constraints={
            oid: Constraint(table, name, kind, is_validated, tuple(columns), text)
            for oid, table, name, kind, is_validated, columns, text in _rows(CONSTRAINTS)
        },
        triggers={oid: Part("trigger", table, name) for oid, table, name in _rows(TRIGGERS)},
    )


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
