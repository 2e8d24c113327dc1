"""manage.py completion: the same as `chm completion`. This class exists so that `manage.py help` lists the command."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from chm_project.operations import completion


class Command(BaseCommand):
    help = completion.HELP
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("shell", choices=completion.SHELLS)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(completion.main([options["shell"]]))
