"""manage.py work runs a worker and beat until it is stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from chm_project.tests.test_push_processes import database_url
from ingestion.synthetic.generic_partner import GenericPartner
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from tools.support.processes import empty_broker

# Only the tests of the 15th worker process of pytest use this database of Redis too.
REDIS_DATABASE = 15
COMMAND = [sys.executable, "manage.py", "work"]


def environment(folder: Path, partner: str) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
        "CHM_DATABASE_URL": database_url(),
        "CHM_BROKER_URL": empty_broker(REDIS_DATABASE),
        "CHM_DATA_DIR": str(folder),
        "CHM_CONNECTIONS_FILE": "",
        "CHM_PARTNER_API_BASE_URL": partner,
        "CHM_INGEST_INTERVAL_SECONDS": "1",
    }


@pytest.mark.django_db(transaction=True)
def test_work_ingests_on_the_interval_until_it_is_stopped(tmp_path: Path) -> None:
    PipelineFactory.create(external_id="orders")
    with GenericPartner({"orders": [{"id": "1", "status": "success"}]}) as partner:
        process = subprocess.Popen(
            COMMAND, cwd=settings.BASE_DIR, env=environment(tmp_path / "new", partner.base_url), stdout=subprocess.PIPE
        )
        try:
            deadline = time.monotonic() + 60
            while not Run.objects.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            assert Run.objects.get().status == "success"
        finally:
            process.send_signal(signal.SIGTERM)
            printed, _ = process.communicate(timeout=30)

    assert b"CHM ingests default" in printed
    assert process.returncode in {0, 143}


@pytest.mark.django_db(transaction=True)
def test_work_says_which_setting_is_missing_if_there_is_no_connection(tmp_path: Path) -> None:
    process = subprocess.run(
        COMMAND, cwd=settings.BASE_DIR, env=environment(tmp_path, ""), stderr=subprocess.PIPE, text=True, check=False
    )
    assert process.returncode == 2
    assert "CHM_CONNECTIONS_FILE" in process.stderr


@pytest.mark.django_db(transaction=True)
def test_work_says_which_folder_beat_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = subprocess.run(
        COMMAND,
        cwd=settings.BASE_DIR,
        env=environment(tmp_path / "file" / "data", "http://127.0.0.1:9"),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 2
    assert "beat cannot write its schedule" in process.stderr
    assert "CHM_DATA_DIR" in process.stderr
    assert "Traceback" not in process.stderr
