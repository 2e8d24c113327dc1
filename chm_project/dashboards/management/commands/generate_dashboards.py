"""manage.py generate_dashboards: generate the files of the boards from the shapes."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

DOCKER = Path(settings.BASE_DIR) / "docker"


class Command(BaseCommand):
    help = (
        "Write the boards of docker/grafana and docker/metabase, and the rules and the board of docker/prometheus "
        "(needs the development tools, and a migrated database)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, default=DOCKER, help="folder to write to (default: docker/)")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        from chm_project.dashboards import grafana, metabase, prometheus_files  # the SDK is a development tool

        files = {f"grafana/dashboards/{name}": text for name, text in grafana.board_files().items()}
        files |= {f"prometheus/{name}": text for name, text in prometheus_files.monitoring_files().items()}
        for name, text in (files | {"metabase/boards.json": metabase.boards_file()}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.stdout.write(str(path))
