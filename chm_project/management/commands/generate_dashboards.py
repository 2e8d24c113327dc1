"""manage.py generate_dashboards: the boards' files, from the shapes."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

DOCKER = Path(settings.BASE_DIR) / "docker"


class Command(BaseCommand):
    help = "Write docker/grafana/dashboards/*.json and docker/metabase/boards.json anew (needs the development tools)."

    def handle(self, *args: Any, **options: Any) -> None:
        from chm_project.dashboards import grafana, metabase  # the former's SDK is a development tool

        files = {DOCKER / "grafana" / "dashboards" / name: text for name, text in grafana.documents().items()}
        for path, text in (files | {DOCKER / "metabase" / "boards.json": metabase.document()}).items():
            path.write_text(text)
            self.stdout.write(str(path.relative_to(settings.BASE_DIR)))
