"""The PostgreSQL server and broker of a simulated machine, and hashes to compare databases."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from chm_project.local.embedded import start_servers
from chm_project.local.embedded.binaries import postgres_programs
from tools.support import schema_snapshot

OWNER, SUPERUSER, READER = "chm", "postgres", "chm_boards"
_TABLES_SQL = """
SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'rollup') AND c.relkind = 'r' ORDER BY 1, 2
"""
# Omit views that call now(), because their rows depend on the time of the query.
_VIEWS_SQL = (
    "SELECT schemaname, viewname FROM pg_views WHERE schemaname = 'reporting' AND definition NOT LIKE '%now()%'"
)
# The hash of a table does not depend on the order in which PostgreSQL stores rows, because the row hashes are sorted.
_COUNT_AND_HASH_SQL = (
    "SELECT count(*), coalesce(md5(string_agg(h, '' ORDER BY h)), '') FROM (SELECT md5(t::text) AS h FROM {} AS t) AS t"
)


class MachineServers:
    """A PostgreSQL server and a broker with their data in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._servers = start_servers(data_dir=folder)
        self.broker_url = str(self._servers.broker_url)
        # Production settings refuse the socket's folder, because it belongs to an embedded server. So use a link to it.
        parts = psycopg.conninfo.conninfo_to_dict(str(self._servers.database_url))
        self.socket = folder / "s"
        self.socket.symlink_to(str(parts["host"]))
        self.port = str(parts["port"])

    def url(self, database: str = "chm", user: str = OWNER) -> str:
        return f"postgresql://{user}@:{self.port}/{database}?host={self.socket}"

    def environment(self, database: str, user: str) -> dict[str, str]:
        """Return environment variables with which PostgreSQL's programs connect to a database."""
        return {
            "PATH": f"{postgres_programs()}:{os.environ['PATH']}",
            "PGHOST": str(self.socket), "PGPORT": self.port, "PGDATABASE": database, "PGUSER": user,
        }  # fmt: skip

    def create_database(self, database: str) -> None:
        """Create an empty database that belongs to the owner."""
        self.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                sql.Identifier(database), sql.Identifier(OWNER)
            )
        )

    def execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres", SUPERUSER), autocommit=True) as server:
            server.execute(statement)

    def close(self) -> None:
        self._servers.release()


@dataclass(frozen=True, slots=True)
class DatabaseContents:
    """The contents of a database, for comparisons.

    `relations` has the number and the hash of the rows of each table and view. `schema` has one line of text for each
    object of the schema, such as a column or a grant.
    """

    relations: dict[str, tuple[int, str]]
    schema: frozenset[str]

    def differences(self, other: "DatabaseContents") -> list[str]:
        names = sorted(self.relations.keys() | other.relations.keys())
        changed = [f"{name}: {self.relations.get(name)} and {other.relations.get(name)}" for name in names
                 if self.relations.get(name) != other.relations.get(name)]  # fmt: skip
        return [*changed, *schema_snapshot.differences(set(self.schema), set(other.schema))]

    @property
    def digest(self) -> str:
        """Return a short hash of all rows and of the schema."""
        text = "\n".join(
            (*(f"{name} {content}" for name, content in sorted(self.relations.items())), *sorted(self.schema))
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_contents(url: str) -> DatabaseContents:
    relations = {}
    with psycopg.connect(url) as database:
        for schema, name in database.execute(_TABLES_SQL).fetchall() + database.execute(_VIEWS_SQL).fetchall():
            row_count, digest = database.execute(
                sql.SQL(_COUNT_AND_HASH_SQL).format(sql.Identifier(schema, name))
            ).fetchone() or (0, "")
            relations[f"{schema}.{name}"] = (int(row_count), str(digest))
    return DatabaseContents(relations, frozenset(map(_without_brackets, schema_snapshot.schema(url))))


def _without_brackets(line: str) -> str:
    """Remove the brackets if the line is a trigger: after a restore, PostgreSQL prints triggers with fewer brackets."""
    return re.sub("[()]", "", line) if line.startswith("trigger ") else line


def run_command(command: list[str], *, environment: dict[str, str], folder: Path | None = None) -> str:
    """Run a command and return its output; exit if it fails."""
    completed = subprocess.run(
        command, cwd=folder, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if completed.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with status {completed.returncode}:\n{completed.stdout[-3000:]}")
    return completed.stdout
