"""`make upgrade-check`: upgrade a database of the last release, and compare it with the database of a new installation.

`python -m tools.upgrade dump --checkout FOLDER NAME` writes a dump of a release's database: see releases/README.md.
"""

import argparse
import contextlib
import lzma
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from chm_project.local.embedded import start_missing_servers
from tools.bench.servers import ROOT, create_database
from tools.support import schema_snapshot as snapshot

RELEASES = Path(__file__).parent / "releases"
# The name of the role that may read the reports, in every dump. The role itself has another name on the server.
READER_ROLE = "chm_former_reader"
Connection = psycopg.Connection[tuple[Any, ...]]
# In this order, a row is copied after the rows that its foreign keys refer to.
COPIED_TABLES = ("clients", "pipelines", "runs", "alert_rules")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.upgrade", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="upgrade the last release's dump and compare it with a fresh install")
    dump_parser = commands.add_parser("dump", help="write a release's dump")
    dump_parser.add_argument("name", help="the release's name; the file is releases/NAME.sql.xz")
    dump_parser.add_argument(
        "--checkout", type=Path, default=ROOT, help="the folder with the release's code (default: this one)"
    )
    dump_parser.add_argument(
        "--pg-dump", default="pg_dump", help="pg_dump of PostgreSQL 15, whose dumps later versions can read"
    )
    options = parser.parse_args()
    start_missing_servers()
    if options.command == "dump":
        return write_dump(options.name, options.checkout, options.pg_dump)
    return check()


def check() -> int:
    """Upgrade the last release's dump, and compare it with a new installation; return the exit status."""
    release = last_release_dump()
    started = time.monotonic()
    with _reader_role() as reader_role, _database("former") as upgraded_url, _database("fresh") as fresh_url:
        _restore(upgraded_url, lzma.decompress(release.read_bytes()).decode().replace(READER_ROLE, reader_role))
        columns_before = snapshot.columns(upgraded_url)
        rows_before = snapshot.rows(upgraded_url, columns_before)
        print(f"{release.name}: {sum(rows_before['runs'].values())} runs, {len(columns_before)} tables")
        manage(ROOT, upgraded_url, "migrate", "--verbosity", "0")
        manage(ROOT, fresh_url, "migrate", "--verbosity", "0")
        manage(ROOT, fresh_url, "grant_reporting_role", reader_role)
        manage(ROOT, upgraded_url, "rebuild_reporting", "--check")

        faults = [
            f"schema: {line}"
            for line in snapshot.differences(snapshot.schema(upgraded_url), snapshot.schema(fresh_url))
        ]
        faults += lost_rows(rows_before, upgraded_url, columns_before)
        view_count, view_faults = compare_views(upgraded_url, fresh_url)
        faults += view_faults
    for fault in faults:
        print(fault)
    print(
        f"upgraded in {time.monotonic() - started:.0f} s: {len(columns_before)} tables, "
        f"{view_count} views by their rows, {len(faults)} differences"
    )
    return 1 if faults else 0


def last_release_dump() -> Path:
    """Return the path of the dump of the last release. releases/ORDER lists the releases, the oldest first."""
    release_names = (RELEASES / "ORDER").read_text().split()
    return RELEASES / f"{release_names[-1]}.sql.xz"


def lost_rows(rows_before: snapshot.Rows, url: str, columns_before: snapshot.Columns) -> list[str]:
    """Return a line for each column that no longer exists. If all exist, return a line for each table that lost rows.

    A changed row counts as lost.
    """
    current_columns = snapshot.columns(url)
    if missing_columns := [
        f"{table}.{name}"
        for table, column_names in columns_before.items()
        for name in column_names
        if name not in current_columns[table]
    ]:
        return [f"column no longer exists: {name}" for name in missing_columns]
    rows_after = snapshot.rows(url, columns_before)
    lost_by_table = {table: rows_before[table] - rows_after[table] for table in columns_before}
    return [f"rows of {table} lost or changed: {lost.total()}" for table, lost in lost_by_table.items() if lost]


def compare_views(upgraded_url: str, fresh_url: str) -> tuple[int, list[str]]:
    """Copy the rows of the upgraded database into the new one, and compare the rows of the views.

    Return the number of compared views, and a line for each view whose rows differ. Views that call now() are not
    compared, because the two databases are read at different times.
    """
    with psycopg.connect(upgraded_url) as source, psycopg.connect(fresh_url) as target:
        for table in COPIED_TABLES:
            _copy(source, target, table)
        # The roll-up stores each count in several rows, until compact() adds them up. So compact both databases.
        for database in (source, target):
            database.execute("SELECT rollup.compact()")
    with psycopg.connect(upgraded_url) as database:
        definitions: dict[str, str] = dict(
            database.execute("SELECT viewname, definition FROM pg_views WHERE schemaname = 'reporting'").fetchall()
        )
    clock_views = {name for name, text in definitions.items() if "now()" in text}
    # A view that reads such a view also depends on the time.
    while further_clock_views := {
        name
        for name, text in definitions.items()
        if name not in clock_views and clock_views & set(re.findall(r"reporting\.(\w+)", text))
    }:
        clock_views |= further_clock_views
    compared_views = sorted(set(definitions) - clock_views)
    differing_views = [
        view for view in compared_views if snapshot.view_rows(upgraded_url, view) != snapshot.view_rows(fresh_url, view)
    ]
    return len(compared_views), [f"rows of reporting.{view} differ" for view in differing_views]


def write_dump(name: str, checkout: Path, pg_dump: str) -> int:
    """Write the dump of a release; return the exit status."""
    with _reader_role() as reader_role, _database("release") as url:
        manage(checkout, url, "migrate", "--verbosity", "0")
        manage(checkout, url, "load_synthetic")
        manage(checkout, url, "grant_reporting_role", reader_role)
        manage(checkout, url, "create_api_token", "a token of the release", "--scope", "read")
        dump_text = subprocess.run(
            # The dump must contain INSERT and not COPY, because psycopg executes it as one text.
            [pg_dump, "--inserts", "--rows-per-insert=200", "--no-owner", "--dbname", url],
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout  # fmt: skip
    dump_text = re.sub(r"^\\.*\n", "", dump_text, flags=re.MULTILINE)  # remove psql's own commands
    # The dump names the role that wrote it. This role may not exist on the server that restores the dump.
    dump_text = re.sub(r"FOR ROLE \S+ IN SCHEMA", "FOR ROLE CURRENT_USER IN SCHEMA", dump_text)
    dump_text = dump_text.replace(reader_role, READER_ROLE)
    path = RELEASES / f"{name}.sql.xz"
    path.write_bytes(lzma.compress(dump_text.encode(), preset=9))
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
    return 0


def manage(checkout: Path, url: str, *arguments: str) -> None:
    completed = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=checkout, text=True, check=False,
        env={**os.environ, "CHM_DATABASE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if completed.returncode != 0:
        sys.exit(f"manage.py {' '.join(arguments)} ended with status {completed.returncode}:\n{completed.stdout}")


@contextlib.contextmanager
def _database(purpose: str) -> Iterator[str]:
    url, name = os.environ["CHM_DATABASE_URL"], f"chm_upgrade_{purpose}_{os.getpid()}"
    try:
        yield create_database(url, name)
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def _reader_role() -> Iterator[str]:
    """Create a role without login, yield its name, and drop the role at the end of the block.

    Drop the databases with grants to this role inside the block.
    """
    # Roles belong to the whole server. With a random name, two commands can run at the same time. The role that an
    # interrupted command left does not stop the next one.
    name = f"chm_upgrade_reader_{secrets.token_hex(8)}"
    role = sql.Identifier(name)
    with psycopg.connect(os.environ["CHM_DATABASE_URL"], autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {}").format(role))
    try:
        yield name
    finally:
        with psycopg.connect(os.environ["CHM_DATABASE_URL"], autocommit=True) as server:
            server.execute(sql.SQL("DROP ROLE {}").format(role))


def _restore(url: str, dump_text: str) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(dump_text.encode())


def _copy(source: Connection, target: Connection, table: str) -> None:
    # Omit generated columns, because PostgreSQL computes their values and does not accept them in COPY.
    column_names = [
        row[0]
        for row in source.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = ''",
            [table],
        )
    ]
    table_and_columns = sql.SQL("{} ({})").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, column_names))
    )
    with (
        source.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table_and_columns)) as copy_out,
        target.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table_and_columns)) as copy_in,
    ):
        for data in copy_out:
            copy_in.write(data)


if __name__ == "__main__":
    sys.exit(main())
