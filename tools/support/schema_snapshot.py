"""Read the schema of a database as lines of text, and its rows as hashes, to compare two databases."""

import re
from collections import Counter
from typing import Any, LiteralString

import psycopg
from psycopg import sql

_OWN_SCHEMAS = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
_GRANTEE: LiteralString = "CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END"
# For each kind of object, a query that returns one line of text per object.
_OBJECT_QUERIES: tuple[LiteralString, ...] = (
    # Omit the comment of the schema `reporting`: in it, CHM records which views it has created. The queries below for
    # views and grants return the same facts.
    """
    SELECT format('schema %s', n.nspname) FROM pg_namespace AS n WHERE {own_schemas}
    """,
    """
    SELECT format('relation %s.%s %s %s', n.nspname, c.relname, c.relkind, obj_description(c.oid, 'pg_class'))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {own_schemas}
    """,
    """
    SELECT format('column %s.%s %s. %s %s, not null %s, generated %s%s, default %s: %s', n.nspname, c.relname,
        row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, a.attgenerated, a.attidentity, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE {own_schemas} AND c.relkind IN ('r', 'v', 'm', 'p')
    """,
    """
    SELECT format('constraint %s.%s %s %s', n.nspname, k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace WHERE {own_schemas}
    """,
    """
    SELECT format('index %s.%s %s', n.nspname, c.relname, pg_get_indexdef(c.oid))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {own_schemas} AND c.relkind = 'i'
    """,
    """
    SELECT format('view %s.%s %s', n.nspname, c.relname, pg_get_viewdef(c.oid))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {own_schemas} AND c.relkind IN ('v', 'm')
    """,
    """
    SELECT format('function %s', pg_get_functiondef(p.oid))
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE {own_schemas} AND p.prokind IN ('f', 'p')
    """,
    """
    SELECT format('trigger %s %s', t.tgrelid::regclass, pg_get_triggerdef(t.oid)) FROM pg_trigger AS t
    WHERE NOT t.tgisinternal
    """,
    """
    SELECT format('grant on schema %s: %s to %s', n.nspname, acl.privilege_type, {grantee})
    FROM pg_namespace AS n CROSS JOIN aclexplode(n.nspacl) AS acl WHERE {own_schemas} AND acl.grantee <> n.nspowner
    """,
    """
    SELECT format('grant on %s.%s: %s to %s', n.nspname, c.relname, acl.privilege_type, {grantee})
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) AS acl
    WHERE {own_schemas} AND acl.grantee <> c.relowner
    """,
    """
    SELECT format('default grant %s: %s to %s', d.defaclnamespace::regnamespace, acl.privilege_type, {grantee})
    FROM pg_default_acl AS d CROSS JOIN aclexplode(d.defaclacl) AS acl
    """,
)
_COLUMNS_SQL = """
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = 'public' AND c.relkind = 'r' GROUP BY 1, 2
"""

Rows = dict[str, "Counter[str]"]
Columns = dict[str, list[str]]


def schema(url: str) -> set[str]:
    """Return one line for each object of the schema, without PostgreSQL's own objects."""
    lines: set[str] = set()
    with psycopg.connect(url) as database:
        for query in _OBJECT_QUERIES:
            text = sql.SQL(query).format(own_schemas=sql.SQL(_OWN_SCHEMAS), grantee=sql.SQL(_GRANTEE))
            lines |= {_without_casts(row[0]) for row in database.execute(text)}
    return lines


def differences(first: set[str], second: set[str]) -> list[str]:
    """Return the lines that only one of two schemas has: with `-` from the first, with `+` from the second."""
    return sorted([f"- {line}" for line in first - second] + [f"+ {line}" for line in second - first])


def columns(url: str) -> Columns:
    """Return the names of each table's columns."""
    with psycopg.connect(url) as database:
        return {table: names for _, table, names in database.execute(_COLUMNS_SQL)}


def rows(url: str, columns_by_table: Columns) -> Rows:
    """Return for each table how often each row occurs. The key of a row is the hash of its values in these columns."""
    with psycopg.connect(url) as database:
        return {table: _hashes(database, sql.Identifier(table), names) for table, names in columns_by_table.items()}


def view_rows(url: str, view: str) -> "Counter[str]":
    """Return how often each row of a view in the schema `reporting` occurs. The key is the hash of the row."""
    with psycopg.connect(url) as database:
        name = sql.Identifier("reporting", view)
        counts = database.execute(sql.SQL("SELECT md5(row::text), count(*) FROM {} AS row GROUP BY 1").format(name))
        return Counter(dict(counts.fetchall()))


def _without_casts(line: str) -> str:
    """Remove casts from the line, because PostgreSQL prints `varchar IN (...)` with other casts after a restore."""
    line = re.sub(r"\('([^']*)'::character varying\)::text|'([^']*)'::character varying", r"'\1\2'", line)
    return re.sub(r"\((ARRAY\[[^\]]*\])\)::text\[\]", r"\1", line)


def _hashes(database: "psycopg.Connection[Any]", table: sql.Identifier, names: list[str]) -> "Counter[str]":
    chosen = sql.SQL(", ").join(map(sql.Identifier, names))
    query = sql.SQL("SELECT md5(row({})::text), count(*) FROM {} GROUP BY 1").format(chosen, table)
    return Counter(dict(database.execute(query).fetchall()))
