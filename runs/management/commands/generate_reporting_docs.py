"""manage.py generate_reporting_docs: the documents of the reporting contract."""

from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from runs.reporting.documents import DOCUMENTS
from runs.reporting.schema import create_views

FOLDER = Path(settings.BASE_DIR) / "docs" / "contracts"


class Command(BaseCommand):
    help = "Write docs/contracts/dashboard-queries.sql, dashboard-readme.md and data-dictionary.md anew."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # The files as they are now, whatever this database was migrated from; taken back at the end.
            cursor.execute("DROP SCHEMA reporting CASCADE")
            cursor.execute("CREATE SCHEMA reporting")
            for name in ("runs", "alerting"):
                for statement in create_views(Path(apps.get_app_config(name).path)):
                    cursor.execute(statement)
            for name, document in DOCUMENTS.items():
                (FOLDER / name).write_text(document().rstrip() + "\n")
                self.stdout.write(f"docs/contracts/{name}")
            transaction.set_rollback(True)
