"""Production refuses what would be unsafe, all faults at once, before it does anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

KEY = "kX9v2-Qw7Zr4Lm8Np3Bt6Yc1Jd5Hf0Gs-aEuOiRxWzVqTnPbMy"
SAFE = {
    "CHM_SECRET_KEY": KEY,
    "CHM_ALLOWED_HOSTS": "chm.example.com",
    "CHM_DATABASE_URL": "postgresql://chm:pw@db.example.com/chm?sslmode=verify-full",
    "CHM_BROKER_URL": "redis://redis.example.com/0",
}


def check(**changes: str | None) -> subprocess.CompletedProcess[str]:
    """`manage.py check --deploy` as a process of its own, on the safe environment with these changes."""
    chosen = {name: value for name, value in (SAFE | changes).items() if value is not None}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHM_")}
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR,
        env={**inherited, **chosen, "DJANGO_SETTINGS_MODULE": "chm_project.settings.production"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_safe_environment_passes_the_deployment_checks() -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"CHM_SECRET_KEY": None}, "CHM_SECRET_KEY is not set"),
        ({"CHM_SECRET_KEY": "short"}, "CHM_SECRET_KEY is weak"),
        ({"CHM_SECRET_KEY": "a" * 60}, "CHM_SECRET_KEY is weak"),
        ({"CHM_SECRET_KEY": "development-only-key-that-production-refuses-" + KEY}, "CHM_SECRET_KEY is weak"),
        ({"CHM_DEBUG": "1"}, "CHM_DEBUG is on"),
        ({"CHM_ALLOWED_HOSTS": None}, "CHM_ALLOWED_HOSTS is not set"),
        ({"CHM_ALLOWED_HOSTS": "chm.example.com,*"}, "wildcard"),
        ({"CHM_ALLOWED_HOSTS": "*.example.com"}, "wildcard"),
        ({"CHM_DATABASE_URL": None}, "CHM_DATABASE_URL is not set"),
        ({"CHM_DATABASE_URL": "postgresql://chm@db.example.com/chm"}, "not encrypted"),
        ({"CHM_DATABASE_URL": "postgresql://chm@db.example.com/chm?sslmode=prefer"}, "not encrypted"),
        ({"CHM_DATABASE_URL": "postgresql://chm@/chm?host=/srv/app/.chm/postgresql"}, "embedded"),
        ({"CHM_DATABASE_URL": "postgresql://chm@/chm?host=/var/lib/chm/0a/postgresql"}, "embedded"),
        ({"CHM_BROKER_URL": None}, "CHM_BROKER_URL is not set"),
    ],
)
def test_each_unsafe_setting_is_refused_by_name(changes: dict[str, str | None], fault: str) -> None:
    done = check(**changes)
    assert done.returncode != 0
    assert fault in done.stderr
    assert done.stderr.count("\n- ") == 1


def test_all_faults_are_named_at_once_and_no_secret_is_shown() -> None:
    done = check(CHM_SECRET_KEY="hunter2-hunter2", CHM_ALLOWED_HOSTS="*", CHM_BROKER_URL=None,
                 CHM_DATABASE_URL="postgresql://chm:s3cret@db.example.com/chm")  # fmt: skip
    assert done.stderr.count("\n- ") == 4
    assert "hunter2" not in done.stderr
    assert "s3cret" not in done.stderr


def test_secrets_can_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    (tmp_path / "url").write_text(SAFE["CHM_DATABASE_URL"])
    done = check(CHM_SECRET_KEY=None, CHM_SECRET_KEY_FILE=str(tmp_path / "key"), CHM_DATABASE_URL=None,
                 CHM_DATABASE_URL_FILE=str(tmp_path / "url"))  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_local_database_needs_no_encryption() -> None:
    assert check(CHM_DATABASE_URL="postgresql://chm@localhost/chm").returncode == 0
    assert check(CHM_DATABASE_URL="postgresql://chm@/chm?host=/var/run/postgresql").returncode == 0
