"""`chm completion`: print a completion script for the shell, generated from the installed commands."""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Sequence
from typing import Any

SHELLS = ("bash", "zsh")
HELP = "Print a completion script for a shell: CHM's commands, their options and their choices."
EXAMPLES = """
examples:
  chm completion bash > ~/.local/share/bash-completion/completions/chm
  chm completion zsh > ~/.zfunc/_chm       with a line `fpath+=~/.zfunc` before compinit in ~/.zshrc

Generate the script again after an upgrade.
"""
CHM_PACKAGES = ("alerting", "chm_project", "ingestion", "inventory", "runs")
# Commands of Django that operators use.
DJANGO_COMMANDS = ("changepassword", "check", "createsuperuser", "dbshell", "shell", "showmigrations")


def main(arguments: Sequence[str]) -> int:
    """Print the script and return the exit status. No server is needed: the addresses set here are never used."""
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
    """Return the completion script for bash or zsh."""
    import shtab

    return str(shtab.complete(command_parser(), shell=shell))


def product_commands() -> dict[str, str]:
    """Return the app of each command of CHM, by the command's name. CHM's `migrate` replaces the one of Django."""
    from django.core.management import get_commands

    return {name: app for name, app in sorted(get_commands().items()) if str(app).partition(".")[0] in CHM_PACKAGES}


def command_parser() -> ArgumentParser:
    """Return a parser with a sub-parser for each command of CHM and of DJANGO_COMMANDS."""
    from django.core.management import get_commands, load_command_class

    parser = ArgumentParser("chm")
    subparsers: _SubParsersAction[Any] = parser.add_subparsers(dest="command")
    apps_and_commands = get_commands()
    for name in sorted({*product_commands(), *DJANGO_COMMANDS}):
        app_or_command: Any = apps_and_commands[name]
        command = load_command_class(app_or_command, name) if isinstance(app_or_command, str) else app_or_command
        subparser = command.create_parser("chm", name)
        # argparse has no public method that adds an existing parser. So do what add_parser() does with a new parser.
        subparsers._choices_actions.append(subparsers._ChoicesPseudoAction(name, (), command.help.partition(". ")[0]))
        subparsers.choices[name] = subparser
    return parser
