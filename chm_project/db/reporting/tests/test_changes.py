"""After a developer changes views, a database in use and a new database have the same schema."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tools.support import schema_snapshot as snapshot
from tools.support.processes import empty_database

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
READING_ROLE = f"chm_test_changes_{WORKER}"
COPIED_FOLDERS = ("chm_project", "inventory", "runs", "alerting", "ingestion", "templates", "data", "manage.py")
VIEWS = ["reporting.clients", "reporting.pipelines", "reporting.run_facts", "reporting.current_failures"]

NEW_SHAPE = """\
-- Question   How many runs were there per platform?
-- Grain      one row per platform
-- Inventory  all
-- Panel      none
-- View       runs_by_platform
-- Parameters
-- Columns
--   platform  text     Kind of orchestrator
--   runs      integer  Number of runs
SELECT p.platform, count(*) AS runs FROM reporting.run_facts AS p WHERE {in_scope} GROUP BY p.platform
"""


class Checkout:
    """A copy of the product's source code that a test can change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED_FOLDERS:
            source, target = Path(settings.BASE_DIR) / name, folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("tests", "__pycache__"))
            else:
                shutil.copy(source, target)

    def replace(self, name: str, pattern: str, text: str) -> None:
        file = self.folder / name
        changed, count = re.subn(pattern, text, file.read_text(), count=1, flags=re.MULTILINE)
        assert count == 1, f"{name} has no {pattern}"
        file.write_text(changed)

    def start(self, url: str, *arguments: str) -> "subprocess.Popen[str]":
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments], cwd=self.folder, text=True,
            env={**environment, "CHM_DATABASE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def manage(self, url: str, *arguments: str) -> str:
        process = self.start(url, *arguments)
        output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output
        return output


class ContinuousReader:
    """A reader that queries views continuously, as the reading role. `errors` lists the errors of its queries."""

    def __init__(self, url: str) -> None:
        self.errors: list[str] = []
        self.query_count = 0
        # Behind a pooler, a prepared statement or the role of a session would stay for other users of the session.
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=None)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._query)

    def _query(self) -> None:
        while not self._stop.wait(0.02):
            for view in VIEWS:
                try:
                    with self._connection.transaction():
                        self._connection.execute(f"SET LOCAL ROLE {READING_ROLE}")
                        self._connection.execute(f"SELECT count(*) FROM {view}")
                    self.query_count += 1
                except psycopg.Error as error:
                    self.errors.append(str(error))

    def __enter__(self) -> "ContinuousReader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()


@pytest.fixture
def drop_reader_role() -> Iterator[None]:
    """Drop READING_ROLE after the test."""
    yield
    with psycopg.connect(os.environ["CHM_DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP ROLE IF EXISTS {READING_ROLE}")


def add_a_view_column(checkout: Checkout) -> None:
    checkout.replace("runs/reporting/views/clients.sql", r"^SELECT", "--   name_length  Letters of its name\nSELECT")
    checkout.replace(
        "runs/reporting/views/clients.sql", r"\nFROM clients", ", length(name) AS name_length\nFROM clients"
    )


def add_a_shape_with_a_view(checkout: Checkout) -> None:
    (checkout.folder / "alerting/reporting/shapes/runs_by_platform.sql").write_text(NEW_SHAPE)


def add_a_field_that_a_view_shows(checkout: Checkout) -> None:
    field = '    region = models.CharField(max_length=50, null=True, blank=True, db_comment="Where it is")\n\n'
    checkout.replace("inventory/models.py", r"^    objects = ClientQuerySet", f"{field}    objects = ClientQuerySet")
    checkout.replace("runs/reporting/views/clients.sql", r"^SELECT", "--   region  Where it is\nSELECT")
    checkout.replace("runs/reporting/views/clients.sql", r"\nFROM clients", ", region\nFROM clients")


def change_the_type_of_a_column_that_views_read(checkout: Checkout, url: str) -> None:
    checkout.replace("inventory/models.py", r"name = models.CharField\(max_length=255,", "name = models.TextField(")
    checkout.manage(url, "makemigrations", "inventory", "--name", "longer_names")
    [migration] = (checkout.folder / "inventory/migrations").glob("*_longer_names.py")
    name = str(migration.relative_to(checkout.folder))
    checkout.replace(
        name, r"^from django.db import", "from chm_project.db.reporting.operations import DropReporting\n\\g<0>"
    )
    checkout.replace(name, r"operations = \[", "operations = [\n        DropReporting(),")


def test_migrate_gives_a_database_in_use_and_a_new_one_the_same_schema(tmp_path: Path, drop_reader_role: None) -> None:
    checkout = Checkout(tmp_path / "checkout")
    with (
        empty_database(f"chm_changes_used_{WORKER}") as used_url,
        empty_database(f"chm_changes_new_{WORKER}") as new_url,
    ):
        checkout.manage(used_url, "migrate", "--verbosity", "0")
        checkout.manage(used_url, "load_synthetic")
        checkout.manage(used_url, "grant_reporting_role", READING_ROLE)
        with psycopg.connect(used_url) as owner:
            owner.execute(f"GRANT {READING_ROLE} TO CURRENT_USER")  # for SET LOCAL ROLE
        columns = snapshot.columns(used_url)
        rows_before = snapshot.rows(used_url, columns)

        add_a_view_column(checkout)
        add_a_shape_with_a_view(checkout)
        add_a_field_that_a_view_shows(checkout)
        checkout.manage(used_url, "makemigrations", "inventory", "--name", "region")
        with ContinuousReader(used_url) as continuous_reader, psycopg.connect(used_url) as slow_reader:
            slow_reader.execute("SELECT * FROM reporting.run_facts")
            end_of_slow_reader = threading.Timer(4, slow_reader.rollback)  # until then its transaction locks the views
            end_of_slow_reader.start()
            output = checkout.manage(used_url, "migrate")
            end_of_slow_reader.join()
        assert "The schema reporting was built" in output
        assert continuous_reader.errors == []
        assert continuous_reader.query_count > 0

        change_the_type_of_a_column_that_views_read(checkout, used_url)
        checkout.manage(used_url, "migrate")
        with psycopg.connect(used_url) as reader:
            reader.execute(f"SET LOCAL ROLE {READING_ROLE}")
            assert reader.execute("SELECT sum(runs) FROM reporting.runs_by_platform").fetchone() == (2500,)
            clients = reader.execute("SELECT count(name_length), count(region) FROM reporting.clients").fetchone()
            assert clients == (12, 0)

        two_processes = [checkout.start(new_url, "migrate") for _ in range(2)]
        outputs = [process.communicate(timeout=120)[0] for process in two_processes]
        assert [process.returncode for process in two_processes] == [0, 0], outputs
        assert sum("The schema reporting was built" in output for output in outputs) == 1
        checkout.manage(new_url, "grant_reporting_role", READING_ROLE)

        assert snapshot.differences(snapshot.schema(used_url), snapshot.schema(new_url)) == []
        rows_after = snapshot.rows(used_url, columns)
        tables_that_grow = {"django_migrations", "django_content_type", "auth_permission"}
        assert {table for table in columns if rows_after[table] != rows_before[table]} <= tables_that_grow
        assert [table for table in columns if rows_before[table] - rows_after[table]] == []
