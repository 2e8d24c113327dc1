"""manage.py render_dashboards: draw pictures of Grafana's boards for the documents."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from runs.models import Run

BOARDS_FOLDER = Path(settings.BASE_DIR) / "docker" / "grafana" / "dashboards"
PICTURES_FOLDER = Path(settings.BASE_DIR) / "docs" / "dashboards"


class Command(BaseCommand):
    help = "Draw docs/dashboards/*.png from the boards' queries on this database (needs the development tools)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, default=PICTURES_FOLDER)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        from chm_project.dashboards import pictures  # imports matplotlib, a development tool

        if not Run.objects.exists():
            raise CommandError("This database has no runs; run manage.py load_synthetic --end now first.")
        now = timezone.now()
        for name, board in pictures.read_boards(BOARDS_FOLDER).items():
            pictures.draw_board(board, now, folder / f"{name}.png")
            self.stdout.write(str(folder / f"{name}.png"))
