"""Commands as real processes: on a terminal with 80 columns, with an unreachable database, and with Ctrl-C."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.db import connection as database

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token
from chm_project.operations.completion import DJANGO_COMMANDS, product_commands
from chm_project.settings import base
from ingestion.synthetic.generic_partner import GenericPartner
from inventory.tests.factories import PipelineFactory

COLUMNS = 80
# Required arguments of commands.
REQUIRED_ARGUMENTS = {"prune_runs": ["--older-than", "400d"]}


def test_production_has_every_command_that_the_documents_name() -> None:
    folder = settings.BASE_DIR
    documents = [folder / "README.md", *(folder / "docs").glob("*.md"), *(folder / "docs" / "operations").glob("*.md")]
    names = {name for path in documents for name in re.findall(r"manage\.py ([a-z_]+)", path.read_text())}
    production_apps = {"django.core", *base.INSTALLED_APPS}
    production_commands = {name for name, app in get_commands().items() if app in production_apps}

    assert len(names) > 10
    assert names - production_commands - {"help"} == set()


def environment(database_url: str, folder: Path, **extra_variables: str) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as unused_server:
        free_port = unused_server.getsockname()[1]
    return (
        os.environ
        | {
            "CHM_DATABASE_URL": database_url,
            # If the tests run through a pooler, this variable has the address of a database that would answer.
            "CHM_DATABASE_DIRECT_URL": "",
            "CHM_PORT": str(free_port),
            "CHM_BROKER_URL": "redis://127.0.0.1:1/0",
            "CHM_DATA_DIR": str(folder),
            "CHM_CONNECTIONS_FILE": "",
            "CHM_PARTNER_API_BASE_URL": "http://127.0.0.1:1",
            "CHM_PARTNER_API_TOKEN": "token",
            "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
            "PYTHONWARNINGS": "ignore",
        }
        | extra_variables
    )


def start(name: str, *arguments: str, env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", name, *arguments], cwd=settings.BASE_DIR, env=env, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run_on_terminal(name: str, *arguments: str, env: dict[str, str]) -> tuple[int, list[str]]:
    """Return the exit status and the lines that a terminal of 80 columns shows."""
    terminal, program_end = pty.openpty()
    fcntl.ioctl(program_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    variables = {variable: value for variable, value in env.items() if variable not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "manage.py", name, *arguments], cwd=settings.BASE_DIR, env=variables | {"TERM": "xterm"},
        stdin=program_end, stdout=program_end, stderr=program_end, close_fds=True,
    )  # fmt: skip
    os.close(program_end)
    output = b""
    while True:
        try:
            output_part = os.read(terminal, 65536)
        except OSError:  # the program has ended
            break
        if not output_part:
            break
        output += output_part
    os.close(terminal)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode())
    return process.wait(60), [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]


# chm_project/command_line.py reports this error for all commands. These commands raise it at different points.
@pytest.mark.parametrize("name", ["generate_history", "ingest_runs", "migrate", "scrub_stored", "serve"])
def test_an_unreachable_database_is_reported_in_one_line_with_the_cause(name: str, tmp_path: Path) -> None:
    env = environment("postgresql://chm:hunter2@127.0.0.1:1/chm", tmp_path)

    process = start(name, *REQUIRED_ARGUMENTS.get(name, []), env=env)
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 1, errors
    [line] = errors.strip().splitlines()
    # scrub_stored first reads Redis for the position of an interrupted run.
    assert line.startswith("Redis error: " if name == "scrub_stored" else "Database error: ")
    assert "refused" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("name", ["migrate", "serve", "work"])
def test_invalid_settings_are_listed_without_a_traceback_and_exit_with_2(name: str, tmp_path: Path) -> None:
    env = environment("postgresql://chm@127.0.0.1:1/chm", tmp_path) | {"CHM_PORT": "abc", "CHM_WEB_THREADS": "0"}

    process = start(name, env=env)
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 2, errors
    assert errors.splitlines() == [
        "CHM does not start:",
        "- CHM_PORT must be a whole number from 1 to 65535.",
        "- CHM_WEB_THREADS must be a whole number from 1.",
    ]


def test_a_command_with_the_option_traceback_prints_the_traceback(tmp_path: Path) -> None:
    process = start("list_api_tokens", "--traceback", env=environment("postgresql://chm@127.0.0.1:1/chm", tmp_path))
    _, errors = process.communicate(timeout=120)

    assert "Traceback" in errors


# Commands that handle Ctrl-C or start other processes, and list_api_tokens, for which the command line handles Ctrl-C.
@pytest.mark.parametrize(
    "name", ["demo", "ingest_runs", "list_api_tokens", "load_synthetic", "prune_runs", "serve", "work"]
)
def test_ctrl_c_ends_a_command_immediately_without_a_traceback(name: str, tmp_path: Path) -> None:
    """The database server accepts the connection and never answers, so that the command waits."""
    with socket.create_server(("127.0.0.1", 0)) as frozen_server:
        frozen_server.settimeout(120)
        env = environment(f"postgresql://chm@127.0.0.1:{frozen_server.getsockname()[1]}/chm", tmp_path)
        process = start(name, *REQUIRED_ARGUMENTS.get(name, []), env=env)
        accepted, _ = frozen_server.accept()
        with accepted:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors


def command_environment(folder: Path, **extra_variables: str) -> dict[str, str]:
    """Return the environment for a command that uses the test database."""
    url = urlsplit(os.environ["CHM_DATABASE_URL"])._replace(path=f"/{database.settings_dict['NAME']}").geturl()
    return environment(url, folder, CHM_BROKER_URL=os.environ["CHM_BROKER_URL"], **extra_variables)


@pytest.fixture
def partner(transactional_db: None) -> Iterator[GenericPartner]:
    with GenericPartner() as generic:
        pipeline = PipelineFactory.create(
            client__name="A client with a name of some length", platform="custom", external_id="orders"
        )
        generic.runs["orders"] = [
            {"external_run_id": f"manual__2026-11-20T23:56:31.388273+00:00-{number}", "status": "exploded",
             "started_at": "2026-11-20T23:56:31Z", "rows_processed": -1}
            for number in range(3)
        ]  # fmt: skip
        for number in range(3):
            create_token(name=f"A program with a long name {number}", scope=Scope.INGEST, pipeline_id=pipeline.pk)
        yield generic


# Commands that print lists: their arguments, and a text that the list must contain.
LIST_COMMANDS = {
    "list_api_tokens": ([], "A program with a long name"),
    "check_connection": (["default"], "exploded"),
    "ingest_runs": (["--dry-run"], "rejected"),
    "prune_runs": (["--older-than", "400d", "--dry-run"], "runs of"),
    "rollup": (["--verify"], "agree"),
    "check_config": ([], "CHM_PORT"),
}


@pytest.mark.parametrize("name", [name for name in LIST_COMMANDS if name != "check_config"])
def test_printed_lists_fit_a_terminal_with_80_columns(name: str, partner: GenericPartner, tmp_path: Path) -> None:
    arguments, expected = LIST_COMMANDS[name]
    env = command_environment(tmp_path, CHM_PARTNER_API_BASE_URL=partner.base_url, CHM_PARTNER_API_TOKEN=partner.token)

    status, lines = run_on_terminal(name, *arguments, env=env)

    assert status == 0, "\n".join(lines)
    assert expected in " ".join(lines)
    assert [line for line in lines if len(line) > COLUMNS] == []


@pytest.mark.parametrize("name", LIST_COMMANDS)
def test_lists_can_be_printed_as_json(name: str, partner: GenericPartner, tmp_path: Path) -> None:
    env = command_environment(tmp_path, CHM_PARTNER_API_BASE_URL=partner.base_url, CHM_PARTNER_API_TOKEN=partner.token)

    process = start(name, *LIST_COMMANDS[name][0], "--json", env=env)
    output, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert json.loads(output)


def test_list_api_tokens_prints_all_tokens_as_json_without_secrets(partner: GenericPartner, tmp_path: Path) -> None:
    output, _ = start("list_api_tokens", "--json", env=command_environment(tmp_path)).communicate(timeout=120)

    tokens = json.loads(output)["tokens"]
    assert [token["name"] for token in tokens] == list(ApiToken.objects.values_list("name", flat=True))
    assert {token["state"] for token in tokens} == {"valid"}
    assert not any(key in output for key in ("digest", "secret"))


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_completion_script_contains_every_command_and_needs_no_database(shell: str, tmp_path: Path) -> None:
    env = environment("postgresql://chm@127.0.0.1:1/chm", tmp_path)

    script, errors = start("completion", shell, env=env).communicate(timeout=120)

    assert errors == ""
    for name in (*product_commands(), *DJANGO_COMMANDS):
        assert name in script
    assert "--older-than" in script


@pytest.mark.parametrize(
    ("typed", "completion"),
    [
        ("chm list_a", "list_api_tokens"),
        ("chm prune_runs --older", "--older-than"),
        ("chm create_api_token x --scope in", "ingest"),
        ("chm completion z", "zsh"),
    ],
)
def test_bash_completes_commands_options_and_choices(typed: str, completion: str, tmp_path: Path) -> None:
    env = environment("postgresql://chm@127.0.0.1:1/chm", tmp_path)
    script = tmp_path / "chm.bash"
    script.write_text(start("completion", "bash", env=env).communicate(timeout=120)[0])
    words = typed.split()

    call_completion = 'fn=$(complete -p chm | sed "s/.*-F \\([^ ]*\\).*/\\1/"); $fn; printf "%s\\n" "${COMPREPLY[@]}"'
    script_text = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; {call_completion}"
    result = subprocess.run(["bash", "-c", script_text], capture_output=True, text=True, check=False, timeout=30)

    assert completion in result.stdout.split(), result.stderr
