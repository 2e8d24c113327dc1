"""manage.py check_config: the same as `chm check-config`. This class exists so that `manage.py help` lists the command.

chm_project/command_line.py runs check-config before Django starts, because Django does not start with invalid settings.
"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from chm_project.operations import check_config


class Command(BaseCommand):
    help = "Print each setting as CHM reads it, without secrets, and all errors. The same as chm check-config."
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(check_config.main(["--json"] if options["json"] else []))
