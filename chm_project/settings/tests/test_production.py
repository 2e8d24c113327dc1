"""Test that CHM does not start in production with unsafe settings, and lists all faults at once."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

SECRET_KEY = "kX9v2-Qw7Zr4Lm8Np3Bt6Yc1Jd5Hf0Gs-aEuOiRxWzVqTnPbMy"
SAFE_VARIABLES = {
    "CHM_SECRET_KEY": SECRET_KEY,
    "CHM_ALLOWED_HOSTS": "chm.example.com",
    "CHM_DATABASE_URL": "postgresql://chm:pw@db.example.com/chm?sslmode=verify-full",
    "CHM_BROKER_URL": "rediss://:pw@redis.example.com/0",
}


def run_deploy_check(**changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check --deploy` in a process, with SAFE_VARIABLES and `changes`. None removes a variable."""
    return run_with_production_settings(
        "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING", **changes
    )


def run_with_production_settings(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    production = {"DJANGO_SETTINGS_MODULE": "chm_project.settings.production"}
    variables = {name: value for name, value in (production | SAFE_VARIABLES | changes).items() if value is not None}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHM_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def fault_lines(process: subprocess.CompletedProcess[str]) -> list[str]:
    """Return each line that begins with "- " (a fault) once, in the order of the output."""
    return sorted(
        {line: None for line in process.stderr.splitlines() if line.startswith("- ")}, key=process.stderr.index
    )


def test_a_safe_environment_passes_the_deployment_checks() -> None:
    process = run_deploy_check()
    assert process.returncode == 0, process.stderr
    assert "no issues" in process.stdout + process.stderr


@pytest.mark.parametrize(("age", "scheduled"), [(None, "None"), ("400d", "runs.prune")])
def test_pruning_is_scheduled_only_on_request(age: str | None, scheduled: str) -> None:
    code = "from django.conf import settings as s; print(s.CELERY_BEAT_SCHEDULE.get('prune runs', {}).get('task'))"

    assert run_with_production_settings("-c", code, CHM_PRUNE_OLDER_THAN=age).stdout.strip() == scheduled


@pytest.mark.parametrize("path", ["/ping/chm_key", "/feed/chm_key"])
def test_a_key_sent_over_plain_http_is_refused_instead_of_redirected(path: str) -> None:
    code = (
        "import django; django.setup(); from django.test import Client;"
        f" print(Client(HTTP_HOST='chm.example.com').get('{path}').status_code)"
    )

    assert run_with_production_settings("-c", code).stdout.strip() == "403"


@pytest.mark.proves("SE-004")
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"CHM_PRUNE_OLDER_THAN": "400"}, "CHM_PRUNE_OLDER_THAN must be a number of days such as 400d"),
        ({"CHM_SECRET_KEY": None}, "CHM_SECRET_KEY is not set"),
        ({"CHM_SECRET_KEY": "short"}, "CHM_SECRET_KEY is weak"),
        ({"CHM_SECRET_KEY": "a" * 60}, "CHM_SECRET_KEY is weak"),
        ({"CHM_SECRET_KEY": "development-only-key-that-production-refuses-" + SECRET_KEY}, "CHM_SECRET_KEY is weak"),
        ({"CHM_DEBUG": "1"}, "CHM_DEBUG is on"),
        ({"CHM_ALLOWED_HOSTS": None}, "CHM_ALLOWED_HOSTS is not set"),
        ({"CHM_ALLOWED_HOSTS": "chm.example.com,*"}, "wildcard"),
        ({"CHM_ALLOWED_HOSTS": "*.example.com"}, "wildcard"),
        ({"CHM_DATABASE_URL": None}, "CHM_DATABASE_URL is not set"),
        ({"CHM_DATABASE_URL": "postgresql://chm@db.example.com/chm"}, "not encrypted"),
        ({"CHM_DATABASE_URL": "postgresql://chm@db.example.com/chm?sslmode=prefer"}, "not encrypted"),
        ({"CHM_DATABASE_URL": "postgresql://chm@/chm?host=/srv/app/.chm/postgresql"}, "embedded"),
        ({"CHM_DATABASE_URL": "postgresql://chm@/chm?host=/var/lib/chm/0a/postgresql"}, "embedded"),
        ({"CHM_DATABASE_URL": "postgresql://chm@/chm?host=db.example.com"}, "not encrypted"),
        ({"CHM_DATABASE_URL": "postgresql://chm@/chm?host=/var/run/postgresql,db.example.com"}, "not encrypted"),
        ({"CHM_DATABASE_URL": "postgresql://chm@localhost/chm?hostaddr=10.0.0.1"}, "not encrypted"),
        ({"CHM_BROKER_URL": None}, "CHM_BROKER_URL is not set"),
        ({"CHM_BROKER_URL": "redis+socket:///srv/app/.chm/valkey/valkey.sock"}, "embedded"),
        ({"CHM_ALLOWED_HOSTS": ".example.com"}, "wildcard"),
        ({"CHM_REPLICA_URL": "postgresql://chm@10.0.0.6/chm"}, "CHM_REPLICA_URL is remote and not encrypted"),
        ({"CHM_DATABASE_DIRECT_URL": "postgresql://chm@10.0.0.5/chm"}, "CHM_DATABASE_DIRECT_URL is remote and not"),
        # Invalid values.
        ({"CHM_DATABASE_URL": "postgresql://chm:pa[ss@db.example.com/chm"}, "CHM_DATABASE_URL is not a URL"),
        ({"CHM_BROKER_URL": "rediss://:pa[ss@redis.example.com/0"}, "CHM_BROKER_URL is not a URL"),
        ({"CHM_DATABASE_URL": "mysql://localhost/chm"}, "CHM_DATABASE_URL must be a postgresql:// address"),
        ({"CHM_DATABASE_URL": "nonsense"}, "CHM_DATABASE_URL must be a postgresql:// address"),
        ({"CHM_DATABASE_URL": "postgresql://localhost:port/chm"}, "CHM_DATABASE_URL must be a postgresql:// address"),
        ({"CHM_BROKER_URL": "amqp://localhost"}, "CHM_BROKER_URL must be a redis://"),
        ({"CHM_SECRET_KEY": None, "CHM_SECRET_KEY_FILE": "/nowhere"}, "the file that CHM_SECRET_KEY_FILE names"),
        ({"CHM_DEBUG": "maybe"}, "CHM_DEBUG must be true or false"),
        ({"CHM_PROXIES": "one"}, "CHM_PROXIES must be addresses or networks"),
        ({"CHM_SECRET_KEY": "only-for-this-check-9vQx2LmZr7TpWc4NbHs8KyJd3GfRa5Eu"}, "CHM_SECRET_KEY is a published"),
        ({"CHM_BROKER_URL": "redis://:pw@redis.example.com/0"}, "CHM_BROKER_URL is remote and not encrypted"),
        ({"CHM_BROKER_URL": "rediss://redis.example.com/0"}, "CHM_BROKER_URL is remote and has no password"),
        ({"CHM_BROKER_URL": "rediss://:pw@r.example.com/0?ssl_cert_reqs=none"}, "CHM_BROKER_URL does not check"),
        (
            {"CHM_DATABASE_URL": SAFE_VARIABLES["CHM_DATABASE_URL"] + "&sslmode=disable"},
            "CHM_DATABASE_URL contains an option twice",
        ),
        ({"CHM_DATABASE_URL": "postgresql:///chm?service=other"}, "CHM_DATABASE_URL names a service"),
        ({"PGHOST": "db.example.com"}, "CHM_DATABASE_URL conflicts with PGHOST"),
        ({"CHM_DATABASE_POOL_SIZE": "0"}, "CHM_DATABASE_POOL_SIZE must be a whole number from 1"),
        ({"CHM_HTTP_TIMEOUT_SECONDS": "nan"}, "CHM_HTTP_TIMEOUT_SECONDS must be a number"),
        ({"CHM_THROTTLE_TOKEN": "fast"}, "CHM_THROTTLE_TOKEN must be a rate"),
    ],
    ids=str,
)
def test_chm_does_not_start_with_an_unsafe_setting_and_names_it(changes: dict[str, str | None], fault: str) -> None:
    process = run_deploy_check(**changes)
    assert process.returncode != 0
    assert fault in process.stderr
    assert len(fault_lines(process)) == 1


@pytest.mark.proves("SE-002", "SE-004")
def test_chm_lists_all_faults_of_its_settings_at_once_without_secrets() -> None:
    process = run_deploy_check(
        CHM_SECRET_KEY="hunter2-hunter2", CHM_ALLOWED_HOSTS="*", CHM_BROKER_URL=None, CHM_PROXIES="hunter2",
        CHM_DATABASE_URL="postgresql://chm:s3cret@db.example.com/chm")  # fmt: skip
    assert [line.split()[1] for line in fault_lines(process)] == [
        "CHM_PROXIES", "CHM_SECRET_KEY", "CHM_ALLOWED_HOSTS", "CHM_DATABASE_URL", "CHM_BROKER_URL",
    ]  # fmt: skip
    assert "hunter2" not in process.stderr
    assert "s3cret" not in process.stderr


def test_secrets_can_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET_KEY + "\n")
    (tmp_path / "url").write_text(SAFE_VARIABLES["CHM_DATABASE_URL"])
    process = run_deploy_check(CHM_SECRET_KEY=None, CHM_SECRET_KEY_FILE=str(tmp_path / "key"), CHM_DATABASE_URL=None,
                 CHM_DATABASE_URL_FILE=str(tmp_path / "url"))  # fmt: skip
    assert process.returncode == 0, process.stderr


def test_a_local_database_needs_no_encryption() -> None:
    assert run_deploy_check(CHM_DATABASE_URL="postgresql://chm@localhost/chm").returncode == 0
    assert run_deploy_check(CHM_DATABASE_URL="postgresql://chm@/chm?host=/var/run/postgresql").returncode == 0


def test_a_value_may_begin_with_a_dollar_and_a_list_of_hosts_may_contain_spaces() -> None:
    assert (
        run_deploy_check(CHM_SECRET_KEY="$" + SECRET_KEY, CHM_ALLOWED_HOSTS="a.example.com, b.example.com").returncode
        == 0
    )


PRINT_RESPONSES = """
import json, django
django.setup()
from django.test import Client
def get(path, **headers):
    answer = Client(headers={"host": "chm.example.com", **headers}).get(path)
    return [answer.status_code, answer.get("Location"), answer.get("Strict-Transport-Security")]
print(json.dumps({
    "probe": get("/health"),
    "plain": get("/api/v1/clients"),
    "encrypted": get("/health", **{"x-forwarded-proto": "https"}),
    "by_address": get("/health", host="10.1.2.3:8000"),
    "foreign": get("/admin/login/", host="elsewhere.example.com", **{"x-forwarded-proto": "https"}),
}))
"""


def test_production_redirects_to_https_except_for_probes_and_refuses_unknown_hosts() -> None:
    process = run_with_production_settings("-c", PRINT_RESPONSES, CHM_PROXIES="127.0.0.1")

    responses = json.loads(process.stdout)
    assert responses["probe"][0] == 200
    assert responses["plain"][:2] == [301, "https://chm.example.com/api/v1/clients"]
    assert responses["encrypted"][0] == 200
    assert "max-age=31536000" in responses["encrypted"][2]
    assert responses["by_address"][0] == 200, "Kubernetes probes use the address of the pod"
    assert responses["foreign"][0] == 400


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({}, "max-age=31536000"),
        ({"CHM_HSTS_SECONDS": "0"}, None),
        ({"CHM_HSTS_SECONDS": "3600", "CHM_HSTS_SUBDOMAINS": "true"}, "max-age=3600; includeSubDomains"),
        (
            {"CHM_HSTS_SUBDOMAINS": "true", "CHM_HSTS_PRELOAD": "true"},
            "max-age=31536000; includeSubDomains; preload",
        ),
    ],
)
def test_the_hsts_header_has_the_values_of_the_settings(changes: dict[str, str], header: str | None) -> None:
    assert (
        json.loads(run_with_production_settings("-c", PRINT_RESPONSES, CHM_PROXIES="127.0.0.1", **changes).stdout)[
            "encrypted"
        ][2]
        == header
    )


def test_forwarded_headers_are_used_only_from_configured_proxies() -> None:
    responses = json.loads(run_with_production_settings("-c", PRINT_RESPONSES, CHM_PROXIES="10.9.9.9").stdout)
    assert responses["encrypted"][2] is None, "the request is plain HTTP, although its header says https"


def test_web_server_and_worker_log_one_json_object_per_line() -> None:
    start = "import django; django.setup(); from chm_project import celery_app; "
    code = "import logging; logging.getLogger('runs').warning('page %s', 7); logging.getLogger('runs').debug('no')"
    web, worker = (
        run_with_production_settings("-c", start + code),
        run_with_production_settings("-c", f"{start}celery_app.log.setup(loglevel='INFO'); {code}"),
    )

    for process in (web, worker):
        assert process.returncode == 0, process.stderr
        [line] = process.stderr.splitlines()
        entry = json.loads(line)
        assert (entry["level"], entry["logger"], entry["message"]) == ("WARNING", "runs", "page 7")
        assert entry["time"]


def address_through_a_link(folder: Path, address: str) -> str:
    """Return the server's address with a link in place of its folder, because production refuses embedded servers."""
    socket = Path(re.sub(r"^redis\+socket://|\?.*$", "", address))
    (folder / "servers").symlink_to(socket.parent)
    return address.replace(str(socket.parent), str(folder / "servers"))


@pytest.mark.parametrize("process", ["worker", "beat"])
def test_worker_and_beat_log_only_json_objects_from_start_to_end(process: str, tmp_path: Path) -> None:
    options = ["--concurrency", "1"] if process == "worker" else ["--schedule", str(tmp_path / "beat"), "--pidfile="]
    command = [sys.executable, "-m", "celery", "-A", "chm_project", process, "--loglevel", "INFO", *options]
    variables = SAFE_VARIABLES | {
        "DJANGO_SETTINGS_MODULE": "chm_project.settings.production",
        "CHM_BROKER_URL": address_through_a_link(tmp_path, os.environ["CHM_BROKER_URL"]),
        "CHM_METRICS_DIR": str(tmp_path / "metrics"),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHM_")}
    with (tmp_path / "log").open("w") as log:
        running_process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env={**inherited, **variables}, stdout=log, stderr=subprocess.STDOUT
        )
        ready_message = {"worker": "ready", "beat": "beat: Starting"}[process]
        deadline = time.monotonic() + 60
        while (
            ready_message not in (tmp_path / "log").read_text()
            and running_process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        running_process.terminate()
        running_process.wait(60)

    lines = (tmp_path / "log").read_text().splitlines()

    assert any(ready_message in json.loads(line)["message"] for line in lines), lines
    assert {json.loads(line)["role"] for line in lines} <= {process, "command"}


def test_the_level_of_each_logger_can_be_set() -> None:
    code = "import django; django.setup(); import logging; print(logging.getLogger('chm.page').getEffectiveLevel())"
    assert run_with_production_settings("-c", code, CHM_LOG_LEVELS="chm.page=debug, chm.task=ERROR").stdout == "10\n"
    refused = run_with_production_settings("-c", code, CHM_LOG_LEVELS="chm.page=LOUD")
    [fault] = fault_lines(refused)
    assert fault.startswith("- CHM_LOG_LEVELS must be loggers with their levels")
