"""CHM's commands: `manage.py` in a checkout, `chm` where the package is installed."""

import os
import sys


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in ("check-config", "check_config"):
        from chm_project.operations import check_config

        sys.exit(check_config.main(sys.argv[2:]))
    settings = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    if not settings.endswith(".production"):
        from chm_project.local.embedded import EmbeddedServersUnavailable, attach_to_environment

        try:
            attach_to_environment()
        except EmbeddedServersUnavailable as error:
            sys.exit(str(error))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
