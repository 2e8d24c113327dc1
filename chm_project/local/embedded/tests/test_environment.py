"""The environment variables decide which servers are started, and where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chm_project.local.embedded import EmbeddedServersUnavailable, attach, attach_to_environment, redis_url
from chm_project.local.embedded.tests.conftest import running
from chm_project.local.embedded.tests.holder import PROJECT

ATTACH = """
import json, os
from chm_project.local.embedded import attach_to_environment
attach_to_environment()
print(json.dumps([os.environ.get("CHM_DATABASE_URL"), os.environ.get("CHM_BROKER_URL")]))
"""


@pytest.fixture
def in_data_dir(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHM_DATA_DIR", str(data_dir))
    return data_dir


@pytest.mark.parametrize("suffix", ["", "_FILE"], ids=["as values", "in files"])
def test_with_both_urls_set_no_server_is_started(
    in_data_dir: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setenv(f"CHM_DATABASE_URL{suffix}", "given")
    monkeypatch.setenv(f"CHM_BROKER_URL{suffix}", "given")

    assert attach_to_environment() is None
    assert not in_data_dir.exists()


def test_missing_servers_are_started_and_their_urls_set(reused_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHM_DATA_DIR", str(reused_data_dir))

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ATTACH], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    database_url, broker_url = json.loads(done.stdout)

    assert database_url.startswith("postgresql://chm@:5432/chm?host=")
    assert broker_url.startswith("redis+socket:///")
    assert running(reused_data_dir) == []


def test_a_url_that_is_set_stays_and_only_the_other_server_is_started(
    in_data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHM_DATABASE_URL", "postgresql:///mine")
    monkeypatch.setenv("CHM_BROKER_URL", "")  # an empty value counts as not set

    attachment = attach_to_environment()

    assert attachment is not None
    with attachment:
        assert attachment.database_url is None
        assert os.environ["CHM_DATABASE_URL"] == "postgresql:///mine"
        assert os.environ["CHM_BROKER_URL"] == attachment.broker_url
        assert not (in_data_dir / "postgresql").exists()


def test_production_settings_are_refused(in_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "chm_project.settings.production")

    with pytest.raises(EmbeddedServersUnavailable, match="In production set CHM_DATABASE_URL and CHM_BROKER_URL"):
        attach_to_environment()
    assert not in_data_dir.exists()


def test_on_windows_the_error_says_what_to_do(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(EmbeddedServersUnavailable, match=r"Use WSL, or set CHM_DATABASE_URL and CHM_BROKER_URL"):
        attach(data_dir=data_dir)


@pytest.mark.parametrize(
    ("broker_url", "expected"),
    [
        ("redis+socket:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis+socket:///run/valkey.sock?virtual_host=2", "unix:///run/valkey.sock?db=2"),
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("rediss://:secret@cache:6380/1", "rediss://:secret@cache:6380/1"),
    ],
)
def test_redis_py_gets_the_same_server(broker_url: str, expected: str) -> None:
    assert redis_url(broker_url) == expected
