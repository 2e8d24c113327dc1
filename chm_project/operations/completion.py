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

Generate it again after an upgrade.
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
    """Return the app of each command of CHM, keyed by the command's name. Some of them replace Django's commands."""
    from django.core.management import get_commands

    return {name: app for name, app in sorted(get_commands().items()) if str(app).partition(".")[0] in CHM_PACKAGES}


def command_parser() -> ArgumentParser:
    """Return a parser with a sub-parser for each command of CHM and of DJANGO_COMMANDS."""
    from django.core.management import get_commands, load_command_class

    parser = ArgumentParser("chm")
    commands: _SubParsersAction[Any] = parser.add_subparsers(dest="command")
    installed = get_commands()
    for name in sorted({*product_commands(), *DJANGO_COMMANDS}):
        command: Any = installed[name]
        command_object = load_command_class(command, name) if isinstance(command, str) else command
        subparser = command_object.create_parser("chm", name)
        # Do the same as add_parser(), which cannot add an existing parser.
        commands._choices_actions.append(
            commands._ChoicesPseudoAction(name, (), command_object.help.partition(". ")[0])
        )
        commands.choices[name] = subparser
    return parser
