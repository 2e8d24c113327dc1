"""chm completion: a script for the shell, made from the commands as they are installed."""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Sequence
from typing import Any

SHELLS = ("bash", "zsh")
HELP = "Print a completion script for a shell: the commands of CHM with their options and words."
EXAMPLES = """
examples:
  chm completion bash > ~/.local/share/bash-completion/completions/chm
  chm completion zsh > ~/.zfunc/_chm       with a line `fpath+=~/.zfunc` before compinit in ~/.zshrc

Make it again after an upgrade.
"""
# Commands of the packages that CHM's own tables and pages come from are Django's; these are offered as well.
OF_DJANGO = ("changepassword", "check", "createsuperuser", "dbshell", "shell", "showmigrations")


def main(arguments: Sequence[str]) -> int:
    """Start Django for its commands alone: no database is opened, and none has to be there."""
    parser = ArgumentParser(
        "chm completion", description=HELP, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("shell", choices=SHELLS)
    shell = parser.parse_args(arguments).shell
    os.environ["DJANGO_SETTINGS_MODULE"] = "chm_project.settings.development"
    os.environ |= {"CHM_DATABASE_URL": "postgresql:///none", "CHM_BROKER_URL": "redis://127.0.0.1:1/0"}
    import django

    django.setup()
    sys.stdout.write(script(shell))
    return 0


def script(shell: str) -> str:
    import shtab

    return str(shtab.complete(command_parser(), shell=shell))


def product_commands() -> dict[str, str]:
    """Return CHM's own commands with the app of each; a command that replaces one of Django's is CHM's."""
    from django.core.management import get_commands

    ours = {line.partition(".")[0] for line in OUR_PACKAGES}
    return {name: app for name, app in sorted(get_commands().items()) if str(app).partition(".")[0] in ours}


OUR_PACKAGES = ("alerting", "chm_project", "ingestion", "inventory", "runs")


def command_parser() -> ArgumentParser:
    """Return one parser with a sub-parser for each command."""
    from django.core.management import get_commands, load_command_class

    parser = ArgumentParser("chm")
    commands: _SubParsersAction[Any] = parser.add_subparsers(dest="command")
    known = get_commands()
    for name in sorted({*product_commands(), *OF_DJANGO}):
        command: Any = known[name]
        loaded = load_command_class(command, name) if isinstance(command, str) else command
        own = loaded.create_parser("chm", name)
        # As add_parser does, which would make a parser of its own.
        commands._choices_actions.append(commands._ChoicesPseudoAction(name, (), loaded.help.partition(". ")[0]))
        commands.choices[name] = own
    return parser
