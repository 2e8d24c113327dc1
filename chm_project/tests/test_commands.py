"""Every command of CHM as people meet it: a process, a terminal of 80 columns, a database that is away, Ctrl-C."""

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
from django.db import connection as database

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token
from chm_project.operations.completion import OF_DJANGO, product_commands
from ingestion.synthetic.generic_partner import GenericPartner
from inventory.tests.factories import PipelineFactory

COLUMNS = 80
# Arguments with which a command comes as far as its first question to the database.
ARGUMENTS: dict[str, list[str]] = {
    "check_connection": ["default"],
    "connections": [],
    "create_api_token": ["somebody", "--scope", "read"],
    "demo": [],
    "erase_client": ["Northwind", "--yes", "Northwind"],
    "generate_history": [],
    "generate_reporting_docs": [],
    "grant_reporting_role": ["somebody"],
    "ingest_runs": [],
    "list_api_tokens": [],
    "load_synthetic": [],
    "migrate": [],
    "prune_runs": ["--older-than", "400d"],
    "rebuild_reporting": [],
    "revoke_api_token": ["chm_aB3dE6gH"],
    "rollup": ["--verify"],
    "scrub_stored": [],
    "serve": [],
    "work": [],
}
# These ask no database.
WITHOUT_DATABASE = {"check_config", "completion", "generate_dashboards", "generate_grafana_alerts", "render_dashboards"}


def environment(database_url: str, folder: Path, **more: str) -> dict[str, str]:
    return (
        os.environ
        | {
            "CHM_DATABASE_URL": database_url,
            "CHM_BROKER_URL": "redis://127.0.0.1:1/0",
            "CHM_DATA_DIR": str(folder),
            "CHM_CONNECTIONS_FILE": "",
            "CHM_PARTNER_API_BASE_URL": "http://127.0.0.1:1",
            "CHM_PARTNER_API_TOKEN": "token",
            "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
            "PYTHONWARNINGS": "ignore",
        }
        | more
    )


def start(name: str, *arguments: str, env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", name, *arguments], cwd=settings.BASE_DIR, env=env, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def on_a_terminal(name: str, *arguments: str, env: dict[str, str]) -> tuple[int, list[str]]:
    """The exit status, and what a terminal of 80 columns shows, line by line."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    known = {name: value for name, value in env.items() if name not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "manage.py", name, *arguments], cwd=settings.BASE_DIR, env=known | {"TERM": "xterm"},
        stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # its end has closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    return process.wait(60), [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]


def test_every_command_is_listed_here() -> None:
    """A new one goes into ARGUMENTS, or where it asks no database into WITHOUT_DATABASE."""
    assert set(product_commands()) == set(ARGUMENTS) | WITHOUT_DATABASE


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_a_database_that_is_away_is_one_line_with_the_cause(name: str, tmp_path: Path) -> None:
    env = environment("postgresql://chm:hunter2@127.0.0.1:1/chm", tmp_path)

    process = start(name, *ARGUMENTS[name], env=env)
    _, said = process.communicate(timeout=120)

    assert process.returncode == 1, said
    [line] = said.strip().splitlines()
    assert line.startswith("The database refused or did not answer: ")
    assert "Connection refused" in line
    assert "hunter2" not in line


def test_with_traceback_the_whole_error_is_shown(tmp_path: Path) -> None:
    process = start("list_api_tokens", "--traceback", env=environment("postgresql://chm@127.0.0.1:1/chm", tmp_path))
    _, said = process.communicate(timeout=120)

    assert "Traceback" in said


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_ctrl_c_ends_a_command_at_once_and_without_a_traceback(name: str, tmp_path: Path) -> None:
    """The database takes the connection and says nothing, as one that is frozen: every command waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        frozen.settimeout(120)
        env = environment(f"postgresql://chm@127.0.0.1:{frozen.getsockname()[1]}/chm", tmp_path)
        process = start(name, *ARGUMENTS[name], env=env)
        taken, _ = frozen.accept()
        with taken:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)

    assert process.returncode == 130, said
    assert "Interrupted" in said
    assert "Traceback" not in said


def of_the_tests(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a command on the test database."""
    url = urlsplit(os.environ["CHM_DATABASE_URL"])._replace(path=f"/{database.settings_dict['NAME']}").geturl()
    return environment(url, folder, CHM_BROKER_URL=os.environ["CHM_BROKER_URL"], **more)


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


# Whatever is listed: the command, and what its list must hold.
LISTS = {
    "list_api_tokens": ([], "A program with a long name"),
    "check_connection": (["default"], "exploded"),
    "ingest_runs": (["--dry-run"], "rejected"),
    "prune_runs": (["--older-than", "400d", "--dry-run"], "runs of"),
    "rollup": (["--verify"], "agree"),
    "check_config": ([], "CHM_PORT"),
}


@pytest.mark.parametrize("name", LISTS)
def test_what_is_listed_fits_a_terminal_of_80_columns(name: str, partner: GenericPartner, tmp_path: Path) -> None:
    arguments, held = LISTS[name]
    env = of_the_tests(tmp_path, CHM_PARTNER_API_BASE_URL=partner.base_url, CHM_PARTNER_API_TOKEN=partner.token)

    status, lines = on_a_terminal(name, *arguments, env=env)

    assert status == 0, "\n".join(lines)
    assert held in " ".join(lines)
    assert [line for line in lines if len(line) > COLUMNS] == []


@pytest.mark.parametrize("name", LISTS)
def test_what_is_listed_is_also_json(name: str, partner: GenericPartner, tmp_path: Path) -> None:
    env = of_the_tests(tmp_path, CHM_PARTNER_API_BASE_URL=partner.base_url, CHM_PARTNER_API_TOKEN=partner.token)

    process = start(name, *LISTS[name][0], "--json", env=env)
    out, said = process.communicate(timeout=120)

    assert process.returncode == 0, said
    assert json.loads(out)


def test_the_json_of_the_tokens_says_what_the_table_says_and_no_secret(partner: GenericPartner, tmp_path: Path) -> None:
    out, _ = start("list_api_tokens", "--json", env=of_the_tests(tmp_path)).communicate(timeout=120)

    tokens = json.loads(out)["tokens"]
    assert [token["name"] for token in tokens] == list(ApiToken.objects.values_list("name", flat=True))
    assert {token["state"] for token in tokens} == {"valid"}
    assert not any(key in out for key in ("digest", "secret"))


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_completion_names_every_command_and_needs_no_database(shell: str, tmp_path: Path) -> None:
    env = environment("postgresql://chm@127.0.0.1:1/chm", tmp_path)

    script, said = start("completion", shell, env=env).communicate(timeout=120)

    assert said == ""
    for name in (*product_commands(), *OF_DJANGO):
        assert name in script
    assert "--older-than" in script


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("chm list_a", "list_api_tokens"),
        ("chm prune_runs --older", "--older-than"),
        ("chm create_api_token x --scope in", "ingest"),
        ("chm completion z", "zsh"),
    ],
)
def test_bash_completes_what_is_typed(typed: str, offered: str, tmp_path: Path) -> None:
    env = environment("postgresql://chm@127.0.0.1:1/chm", tmp_path)
    script = tmp_path / "chm.bash"
    script.write_text(start("completion", "bash", env=env).communicate(timeout=120)[0])
    words = typed.split()

    find = 'fn=$(complete -p chm | sed "s/.*-F \\([^ ]*\\).*/\\1/"); $fn; printf "%s\\n" "${COMPREPLY[@]}"'
    typing = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; {find}"
    shown = subprocess.run(["bash", "-c", typing], capture_output=True, text=True, check=False, timeout=30)

    assert offered in shown.stdout.split(), shown.stderr
