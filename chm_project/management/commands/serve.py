"""manage.py serve: run only the web server, as in production."""

import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from chm_project.local import web_server
from chm_project.local.supervisor import Child, Supervisor


class Command(BaseCommand):
    help = "Serve the console and the API on CHM_PORT (8000) with production's web server. Ctrl-C stops it."

    def handle(self, *args: Any, **options: Any) -> None:
        port = web_server.port()
        call_command("migrate", verbosity=0)
        self.stdout.write(f"CHM listens on http://{web_server.HOST}:{port}/ (Ctrl-C stops it)")
        sys.exit(Supervisor([Child("web", web_server.command(port))], write=self.stdout.write).run())
