"""manage.py check_config: what the command line calls before Django starts, as a command that `help` lists."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from chm_project.operations import check_config


class Command(BaseCommand):
    help = "Print each setting as CHM reads it, without secrets, and everything that is wrong. Also: chm check-config."
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true", help="print it for a program")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(check_config.main(["--json"] if options["json"] else []))
