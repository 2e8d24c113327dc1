"""manage.py generate_reporting_docs: write the documents of the reporting contract."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from chm_project.db.reporting import builder
from runs.reporting.documents import DOCUMENTS

FOLDER = Path(settings.BASE_DIR) / "docs" / "contracts"


class Command(BaseCommand):
    help = "Regenerate docs/contracts/dashboard-queries.sql, dashboard-readme.md and data-dictionary.md."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            # The views in this database can be older than the files. The rollback below restores them.
            builder.rebuild(connection)
            for name, document in DOCUMENTS.items():
                (FOLDER / name).write_text(document().rstrip() + "\n")
                self.stdout.write(f"docs/contracts/{name}")
            transaction.set_rollback(True)
