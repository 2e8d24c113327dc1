"""Test that the commands of docs/trace.md find a slow request, a failed page and its pipeline in a running CHM."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from ingestion.synthetic.partner import Answer, Request
from tools.bench.servers import ROOT
from tools.faults.source import FaultyPartner
from tools.watch.installation import ProductionInstallation, wait_until

COMMAND_BLOCKS = re.findall(
    r"^```sh run\n(.*?)^```$", (ROOT / "docs" / "trace.md").read_text(), re.MULTILINE | re.DOTALL
)
LOCKED_SECONDS = 0.7
REFUSAL_TEXT = "this pipeline moved to another server"


@pytest.fixture
def folder() -> Iterator[Path]:
    # A short path, because the path of a unix socket may have at most 107 characters.
    path = Path(tempfile.mkdtemp(prefix="chm-trace-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def refuse_one_pipeline(request: Request) -> Answer | None:
    return Answer(422, {"error": REFUSAL_TEXT}) if "pipeline-3" in request.path else None


def make_slow_request(chm: ProductionInstallation, token: str) -> str:
    """Return the id of a request that had to wait for a lock."""
    for attempt in range(20):
        with psycopg.connect(chm.database_url) as blocker:
            blocker.execute("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE")
            lock_release = threading.Timer(LOCKED_SECONDS, blocker.commit)
            lock_release.start()
            start_time = time.monotonic()
            headers = {"Authorization": f"Bearer {token}", "X-Request-ID": f"slow-{attempt}"}
            response = requests.get(f"{chm.address}/api/v1/clients", headers=headers, timeout=30)
            seconds = time.monotonic() - start_time
            lock_release.join()
        assert response.headers["X-Request-ID"] == f"slow-{attempt}"
        if response.status_code == 200 and seconds > 0.6:
            return f"slow-{attempt}"
    raise AssertionError("no request was slow")


def test_the_commands_of_the_document_find_the_request_the_page_and_the_row(folder: Path) -> None:
    chm = ProductionInstallation(folder)
    with FaultyPartner(runs_per_pipeline=5) as source, chm.running(source):
        token = chm.create_token("--scope", "admin")
        slow_request_id = make_slow_request(chm, token)
        source.answer_instead = refuse_one_pipeline
        wait_until(lambda: "chm_ingest_errors_total" in chm.metrics().text, "a page fails")
        variables = {"CHM": chm.address, "SCRAPER": chm.scraper_token, "TOKEN": token, "LOG": str(chm.log)}
        outputs = []
        for block_number, block in enumerate(COMMAND_BLOCKS):
            # The last block ingests again. Repair the partner before it.
            if block_number == 7:
                source.answer_instead = lambda request: None
            completed = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block], cwd=folder, env={**os.environ, **variables},
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert completed.returncode == 0, f"{block}\n{completed.stdout}\n{completed.stderr}"
            outputs.append(completed.stdout)

    histogram, slow_requests, lines_of_request, errors, pages, lines_of_task, row_text, repaired = outputs
    bucket, count = (float(line.rpartition(" ")[2]) for line in histogram.splitlines())
    assert count > bucket, "the histogram shows that some requests took longer than half a second"
    assert slow_request_id in slow_requests
    assert "api-token-" in slow_requests
    assert f'"request_id": "{slow_request_id}"' in lines_of_request
    assert 'connection="partner"' in errors
    assert " page 1 " in pages
    assert '"logger": "chm.page"' in lines_of_task
    assert row_text.startswith("pipeline-3 | ")
    assert REFUSAL_TEXT in row_text or "422" in row_text
    assert '"state": "SUCCESS"' in repaired
