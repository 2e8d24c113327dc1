"""manage.py serve: the web server alone, as in production."""

import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from chm_project import web
from chm_project.supervisor import Child, Supervisor


class Command(BaseCommand):
    help = "Serve console and API on CHM_PORT (8000) of this machine, with production's web server. Ctrl-C stops it."

    def handle(self, *args: Any, **options: Any) -> None:
        port = web.port()
        call_command("migrate", verbosity=0)
        self.stdout.write(f"CHM listens on http://{web.HOST}:{port}/ (Ctrl-C stops it)")
        sys.exit(Supervisor([Child("web", web.command(port))], write=self.stdout.write).run())
