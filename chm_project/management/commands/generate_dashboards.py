"""manage.py generate_dashboards: the boards' files, from the shapes."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

DOCKER = Path(settings.BASE_DIR) / "docker"


class Command(BaseCommand):
    help = "Write docker/grafana/dashboards/*.json anew (needs the development tools)."

    def handle(self, *args: Any, **options: Any) -> None:
        from chm_project.dashboards import grafana  # its SDK is a development tool

        for name, text in grafana.documents().items():
            path = DOCKER / "grafana" / "dashboards" / name
            path.write_text(text)
            self.stdout.write(str(path.relative_to(settings.BASE_DIR)))
