"""The commands of docs/trace.md lead from a metric to a log line and a row, on a live CHM with production settings."""

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
from tools.watch.installation import Installation, wait_until

BLOCKS = re.findall(r"^```sh run\n(.*?)^```$", (ROOT / "docs" / "trace.md").read_text(), re.MULTILINE | re.DOTALL)
LOCKED_SECONDS = 0.7
REFUSED = "this pipeline moved to another server"


@pytest.fixture
def folder() -> Iterator[Path]:
    # A short path, because the path of a unix socket may have at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="chm-trace-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def refuse_one_pipeline(request: Request) -> Answer | None:
    return Answer(422, {"error": REFUSED}) if "pipeline-3" in request.path else None


def make_slow_request(chm: Installation, token: str) -> str:
    """Return the id of a request that had to wait for a lock."""
    for attempt in range(20):
        with psycopg.connect(chm.database_url) as blocker:
            blocker.execute("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE")
            release = threading.Timer(LOCKED_SECONDS, blocker.commit)
            release.start()
            started = time.monotonic()
            headers = {"Authorization": f"Bearer {token}", "X-Request-ID": f"slow-{attempt}"}
            answer = requests.get(f"{chm.address}/api/v1/clients", headers=headers, timeout=30)
            seconds = time.monotonic() - started
            release.join()
        assert answer.headers["X-Request-ID"] == f"slow-{attempt}"
        if answer.status_code == 200 and seconds > 0.6:
            return f"slow-{attempt}"
    raise AssertionError("no request was slow")


def test_the_commands_of_the_document_find_the_request_the_page_and_the_row(folder: Path) -> None:
    chm = Installation(folder)
    with FaultyPartner(runs_per_pipeline=5) as source, chm.running(source):
        token = chm.token("--scope", "admin")
        slow = make_slow_request(chm, token)
        source.answer_instead = refuse_one_pipeline
        wait_until(lambda: "chm_ingest_errors_total" in chm.metrics().text, "a page fails")
        variables = {"CHM": chm.address, "SCRAPER": chm.scraper_token, "TOKEN": token, "LOG": str(chm.log)}
        outputs = []
        for number, block in enumerate(BLOCKS):
            # The last block ingests after a repair.
            if number == 7:
                source.answer_instead = lambda request: None
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block], cwd=folder, env={**os.environ, **variables},
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            outputs.append(done.stdout)

    histogram, slow_requests, lines_of_request, errors, pages, lines_of_task, row, repaired = outputs
    bucket, count = (float(line.rpartition(" ")[2]) for line in histogram.splitlines())
    assert count > bucket, "the histogram shows that some requests took longer than half a second"
    assert slow in slow_requests
    assert "api-token-" in slow_requests
    assert f'"request_id": "{slow}"' in lines_of_request
    assert 'connection="partner"' in errors
    assert " page 1 " in pages
    assert '"logger": "chm.page"' in lines_of_task
    assert row.startswith("pipeline-3 | ")
    assert REFUSED in row or "422" in row
    assert '"state": "SUCCESS"' in repaired
