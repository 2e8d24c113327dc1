"""The environment variables decide which servers are started, and where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chm_project.local.embedded import EmbeddedServersUnavailable, redis_url, start_missing_servers, start_servers
from chm_project.local.embedded.tests.conftest import running_servers
from chm_project.local.embedded.tests.holder import PROJECT

START_MISSING_SERVERS = """
import json, os
from chm_project.local.embedded import start_missing_servers
start_missing_servers()
print(json.dumps([os.environ.get("CHM_DATABASE_URL"), os.environ.get("CHM_BROKER_URL")]))
"""


@pytest.fixture
def data_dir_from_environment(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHM_DATA_DIR", str(data_dir))
    return data_dir


@pytest.mark.parametrize("suffix", ["", "_FILE"], ids=["as values", "in files"])
def test_no_server_is_started_if_both_urls_are_set(
    data_dir_from_environment: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setenv(f"CHM_DATABASE_URL{suffix}", "given")
    monkeypatch.setenv(f"CHM_BROKER_URL{suffix}", "given")

    assert start_missing_servers() is None
    assert not data_dir_from_environment.exists()


def test_missing_servers_are_started_and_their_urls_set(reused_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHM_DATA_DIR", str(reused_data_dir))

    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", START_MISSING_SERVERS],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    database_url, broker_url = json.loads(process.stdout)

    assert database_url.startswith("postgresql://chm@:5432/chm?host=")
    assert broker_url.startswith("redis+socket:///")
    assert running_servers(reused_data_dir) == []


def test_only_the_server_without_a_url_is_started_and_the_set_url_does_not_change(
    data_dir_from_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHM_DATABASE_URL", "postgresql:///mine")
    monkeypatch.setenv("CHM_BROKER_URL", "")  # an empty value counts as not set

    servers = start_missing_servers()

    assert servers is not None
    with servers:
        assert servers.database_url is None
        assert os.environ["CHM_DATABASE_URL"] == "postgresql:///mine"
        assert os.environ["CHM_BROKER_URL"] == servers.broker_url
        assert not (data_dir_from_environment / "postgresql").exists()


def test_servers_do_not_start_with_production_settings(
    data_dir_from_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "chm_project.settings.production")

    with pytest.raises(EmbeddedServersUnavailable, match="In production set CHM_DATABASE_URL and CHM_BROKER_URL"):
        start_missing_servers()
    assert not data_dir_from_environment.exists()


def test_on_windows_the_error_says_what_to_do(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(EmbeddedServersUnavailable, match=r"Use WSL, or set CHM_DATABASE_URL and CHM_BROKER_URL"):
        start_servers(data_dir=data_dir)


@pytest.mark.parametrize(
    ("broker_url", "expected"),
    [
        ("redis+socket:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis+socket:///run/valkey.sock?virtual_host=2", "unix:///run/valkey.sock?db=2"),
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("rediss://:secret@cache:6380/1", "rediss://:secret@cache:6380/1"),
    ],
)
def test_redis_url_names_the_same_server_as_celerys_url(broker_url: str, expected: str) -> None:
    assert redis_url(broker_url) == expected
