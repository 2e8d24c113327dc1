"""Test that `chm check-config` shows the settings without secrets, and lists all faults at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from chm_project.settings.tests.test_production import SAFE_VARIABLES, SECRET_KEY, run_with_production_settings

CONNECTIONS = """
[connections.airflow]
connector = "airflow"
base_url = "https://airflow.example.com"
auth = { kind = "bearer", secret_env = "AIRFLOW_TOKEN" }
pipelines = { platform = "airflow" }
"""


def check_config(**changes: str | None) -> tuple[int, dict[str, Any]]:
    process = run_with_production_settings("manage.py", "check-config", "--json", **changes)
    report: dict[str, Any] = json.loads(process.stdout)
    return process.returncode, report


def test_a_safe_configuration_has_no_faults_and_each_value_has_its_origin(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("8123\n")

    status, report = check_config(CHM_PORT_FILE=str(tmp_path / "port"), CHM_WEB_WORKERS="5")

    assert (status, report["faults"], report["warnings"]) == (0, [], [])
    settings = report["settings"]
    assert settings["CHM_PORT"]["value"] == "8123"
    assert settings["CHM_PORT"]["origin"] == f"file {tmp_path / 'port'}"
    assert settings["CHM_PORT"]["default"] == "8000"
    assert (settings["CHM_WEB_WORKERS"]["value"], settings["CHM_WEB_WORKERS"]["origin"]) == ("5", "environment")
    assert (settings["CHM_LOG_LEVEL"]["value"], settings["CHM_LOG_LEVEL"]["origin"]) == ("INFO", "default")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_check_config_shows_no_secret(options: tuple[str, ...]) -> None:
    process = run_with_production_settings(
        "manage.py", "check-config", *options,
        CHM_PARTNER_API_TOKEN="partner-hush-1",
        CHM_DATABASE_URL="postgresql://chm:hush%2F2@db.example.com/chm?sslmode=verify-full&password=hush4",
        CHM_BROKER_URL="rediss://:hush5@redis.example.com/0",
    )  # fmt: skip

    assert process.returncode == 0, process.stdout
    assert "hush" not in process.stdout + process.stderr
    assert SECRET_KEY not in process.stdout
    assert "postgresql://chm:***@db.example.com/chm" in process.stdout


def test_check_config_does_not_show_an_invalid_address() -> None:
    process = run_with_production_settings(
        "manage.py", "check-config", CHM_DATABASE_URL="postgresql://chm:hush/2@3@db/chm", CHM_BROKER_URL="hush@x:1"
    )

    assert process.returncode == 2
    assert "hush" not in process.stdout + process.stderr


def test_check_config_lists_all_faults_at_once() -> None:
    status, report = check_config(
        CHM_PORT="70000", CHM_WEB_WORKERS="0", CHM_WEB_THREADS_FILE="/nowhere/threads", CHM_SECRET_KEY=None,
        CHM_HSTS_PRELOAD="true", CHM_METRICS_TOKEN_FILE="/nowhere/token",
    )  # fmt: skip

    assert status == 2
    assert {line.split()[0] for line in report["faults"]} == {
        "CHM_PORT", "CHM_WEB_WORKERS", "CHM_WEB_THREADS", "CHM_SECRET_KEY", "CHM_HSTS_PRELOAD",
        "CHM_METRICS_TOKEN_FILE",
    }  # fmt: skip
    assert report["settings"]["CHM_ALLOWED_HOSTS"]["value"] == "chm.example.com", "valid settings are shown too"


def test_check_config_warns_of_misspelt_variables_and_of_variables_set_twice(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET_KEY)

    status, report = check_config(CHM_WEB_WORKER="3", CHM_SECRET_KEY_FILE=str(tmp_path / "key"))

    assert status == 0
    assert report["warnings"] == [
        "CHM_WEB_WORKER is not read by these settings; is it CHM_WEB_WORKERS?",
        "CHM_SECRET_KEY is set twice: the value in the file of CHM_SECRET_KEY_FILE is used.",
    ]


def test_the_connections_file_and_its_secrets_are_checked(tmp_path: Path) -> None:
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    (tmp_path / "token").write_text("hush")
    path = str(tmp_path / "connections.toml")

    without_token, with_token = check_config(CHM_CONNECTIONS_FILE=path), check_config(
        CHM_CONNECTIONS_FILE=path, AIRFLOW_TOKEN_FILE=str(tmp_path / "token")
    )  # fmt: skip

    assert without_token[0] == 2
    assert "AIRFLOW_TOKEN" in without_token[1]["faults"][0]
    assert with_token[0] == 0, with_token[1]["faults"]


def test_a_metrics_token_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush", encoding="utf-16")

    status, report = check_config(CHM_METRICS_TOKEN_FILE=str(tmp_path / "token"))

    assert (status, report["faults"]) == (
        2,
        ["CHM_METRICS_TOKEN_FILE names a file that is not text in UTF-8."],
    )


def test_the_maintenance_file_is_checked(tmp_path: Path) -> None:
    (tmp_path / "maintenance.toml").write_text("[[maintenance]]\nfrom = 3\n")

    status, report = check_config(CHM_MAINTENANCE_FILE=str(tmp_path / "maintenance.toml"))

    assert status == 2
    assert [fault.split(": ")[2] for fault in report["faults"]] == [
        "maintenance[1].reason", "maintenance[1].from", "maintenance[1].until"
    ]  # fmt: skip
    assert all(fault.startswith("CHM_MAINTENANCE_FILE: ") for fault in report["faults"])


def test_check_config_in_development_reads_all_files_and_starts_no_server(tmp_path: Path) -> None:
    (tmp_path / "connections.toml").write_text(CONNECTIONS.replace("AIRFLOW_TOKEN", "CHM_AIRFLOW_TOKEN"))
    unset_variables: dict[str, str | None] = dict.fromkeys(SAFE_VARIABLES)

    def check(**variables: str) -> tuple[int, str]:
        process = run_with_production_settings(
            "-c", "import sys; from chm_project.command_line import main; sys.argv = ['chm', 'check-config']; main()",
            **unset_variables, CHM_DATA_DIR=str(tmp_path / "data"),
            CHM_CONNECTIONS_FILE=str(tmp_path / "connections.toml"),
            DJANGO_SETTINGS_MODULE="chm_project.settings.development", **variables,
        )  # fmt: skip
        return process.returncode, process.stdout

    status_without_token, output_without_token = check()
    status, output = check(CHM_AIRFLOW_TOKEN="hush")

    assert status_without_token == 2
    assert "fault: CHM_CONNECTIONS_FILE: connections.airflow" in output_without_token
    assert (status, "warning" in output) == (0, False), output
    assert "CHM_DATABASE_URL = the embedded server" in output
    assert not (tmp_path / "data").exists()
